//! What a filter did, in words: the numbers of the ABI by their names.

use outgate_test_host::{Called, Phase, Returned};

use crate::hosted::numbers::counted;

/// What a callback is told.
pub(super) fn told(called: &Called) -> String {
    let argument = |index: usize| called.arguments.get(index).copied().unwrap_or(0);
    let count = |index, what| counted(argument(index).into(), what);
    // Filters for ABI 0.1.0 are not told.
    let end = || if argument(2) == 0 { "" } else { ", end of stream" };
    match called.phase {
        Phase::ContextCreate if argument(1) == 0 => format!("root context {}", argument(0)),
        Phase::ContextCreate => format!("context {} of root {}", argument(0), argument(1)),
        Phase::VmStart | Phase::Configure => format!("{} of configuration", count(1, "byte")),
        Phase::RequestHeaders | Phase::ResponseHeaders => format!("{}{}", count(1, "header"), end()),
        Phase::RequestBody | Phase::ResponseBody => format!("{}{}", count(1, "byte"), end()),
        Phase::RequestTrailers | Phase::ResponseTrailers => count(1, "trailer"),
        Phase::HttpCallResponse if argument(2) == 0 => format!("callout {}: no response", argument(1)),
        Phase::HttpCallResponse => format!(
            "callout {}: {}, {} of body, {}",
            argument(1),
            count(2, "header"),
            count(3, "byte"),
            count(4, "trailer")
        ),
        Phase::GrpcInitialMetadata | Phase::GrpcTrailingMetadata => {
            format!("callout {}: {}", argument(1), count(2, "line"))
        }
        Phase::GrpcReceive => format!("callout {}: {}", argument(1), count(2, "byte")),
        Phase::GrpcClose => format!("callout {}: gRPC status {}", argument(1), argument(2)),
        Phase::QueueReady => format!("queue {}", argument(1)),
        Phase::ForeignFunction => format!("function {}: {}", argument(1), count(2, "byte")),
        _ => String::new(),
    }
}

/// What it returned. Nothing for callbacks whose answer has no effect.
pub(super) fn answered(returned: &Returned) -> String {
    if returned.trapped {
        return "trap".to_owned();
    }
    let Some(value) = returned.value else {
        return String::new();
    };
    let names: &[&str] = match returned.phase {
        Phase::VmStart | Phase::Configure | Phase::Done => &["false", "true"],
        Phase::RequestHeaders | Phase::ResponseHeaders => &[
            "Continue",
            "Pause",
            "ContinueAndEndStream",
            "Pause (StopAllIterationAndBuffer)",
            "Pause (StopAllIterationAndWatermark)",
        ],
        Phase::RequestBody | Phase::ResponseBody => &[
            "Continue",
            "Pause",
            "Pause (StopIterationAndWatermark)",
            "Pause (StopIterationNoBuffer)",
        ],
        Phase::RequestTrailers | Phase::ResponseTrailers => &["Continue", "Pause"],
        _ => &[],
    };
    usize::try_from(value)
        .ok()
        .and_then(|value| names.get(value))
        .map_or_else(|| value.to_string(), |name| (*name).to_owned())
}
