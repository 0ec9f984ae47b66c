//! Metrics, with the rules of each kind.

use super::frame::{Answer, Frame};
use crate::abi::MetricKind;
use crate::metrics::MetricChange;
use crate::refusal::Refusal;

pub(super) fn define(frame: &mut Frame<'_>, kind: u32, name: u32, len: u32, out: u32) -> Answer {
    let (mut memory, state) = frame.split()?;
    let name = memory.slice(name, len)?;
    state.trace.number(kind).text(name);
    let Some(kind) = MetricKind::from_abi(kind) else {
        return Err(Refusal::bad_argument(format!(
            "there is no metric of kind {kind}: they go from 0 to 2"
        )));
    };
    state.budget.take_bytes(name.len())?;
    let name = String::from_utf8_lossy(name).into_owned();
    let id = state.metrics.define(&state.process.metrics, kind, &name);
    memory.write_u32(out, id)
}

/// A counter takes positive offsets, a gauge any, a histogram none.
pub(super) fn increment(frame: &mut Frame<'_>, id: u32, offset: i64) -> Answer {
    let state = frame.state();
    state.trace.number(id).number(offset);
    let metric = state.metrics.get(id).ok_or_else(|| unknown(id))?;
    match metric.kind {
        MetricKind::Histogram => {
            return Err(Refusal::bad_argument(
                "a histogram cannot be incremented: it takes samples",
            ));
        }
        MetricKind::Counter if offset <= 0 => {
            return Err(Refusal::bad_argument(
                "a counter only grows: the offset must be positive",
            ));
        }
        MetricKind::Counter | MetricKind::Gauge => metric.add(offset),
    }
    MetricChange::note(&mut state.ledger.metrics, metric, offset);
    Ok(())
}

/// Adds to a counter, sets a gauge, gives a histogram a sample.
pub(super) fn record(frame: &mut Frame<'_>, id: u32, value: u64) -> Answer {
    let state = frame.state();
    state.trace.number(id).number(value.cast_signed());
    let metric = state.metrics.get(id).ok_or_else(|| unknown(id))?;
    let change = match metric.kind {
        MetricKind::Counter => {
            metric.add(value.cast_signed());
            value.cast_signed()
        }
        MetricKind::Gauge => {
            let change = value.wrapping_sub(metric.value());
            metric.set(value);
            change.cast_signed()
        }
        MetricKind::Histogram => {
            metric.add(1);
            value.cast_signed()
        }
    };
    MetricChange::note(&mut state.ledger.metrics, metric, change);
    Ok(())
}

pub(super) fn get(frame: &mut Frame<'_>, id: u32, out: u32) -> Answer {
    let (mut memory, state) = frame.split()?;
    state.trace.number(id);
    let metric = state.metrics.get(id).ok_or_else(|| unknown(id))?;
    if metric.kind == MetricKind::Histogram {
        return Err(Refusal::bad_argument("a histogram cannot be read back"));
    }
    memory.write_u64(out, metric.value())
}

fn unknown(id: u32) -> Refusal {
    Refusal::not_found(format!("no metric was defined with the id {id}"))
}
