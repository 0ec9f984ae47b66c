//! Requests that wait for somebody's answer, and what they have left for their responses.

use crate::custom_policy::{FailureMode, Response};
use crate::header_block;
use crate::host::{CallNumber, Context, HeaderLine, Host};

/// How far a request has come.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) context: Context,
    /// The authorizer that is to be asked next, or is being asked.
    pub(crate) authorizer: usize,
    /// The custom policy that is to be asked next, or is being asked.
    pub(crate) policy: usize,
    /// The custom policy by which it goes on although no `ALLOW` policy lets it through.
    pub(crate) let_through_by: Option<usize>,
    /// How many questions the custom policy has asked about it.
    pub(crate) questions: u8,
    /// The cluster that the custom policy has asked, and what is to become of the request when it does not answer.
    pub(crate) question: Option<(String, FailureMode)>,
    /// The answer, until it has been used.
    pub(crate) answer: Option<Answered>,
}

/// What has come of a question.
#[derive(Debug)]
pub(crate) enum Answered {
    Response(Response),
    /// There is no answer.
    Nothing,
}

impl Progress {
    pub(crate) const fn of(context: Context) -> Self {
        Self {
            context,
            authorizer: 0,
            policy: 0,
            let_through_by: None,
            questions: 0,
            question: None,
            answer: None,
        }
    }
}

impl Answered {
    /// The answer that the host is handing over. One that cannot be read is none.
    pub(crate) fn read<H: Host>(host: &H, has_headers: bool, body: usize) -> Self {
        let response = || {
            let headers = header_block::parse(host.answer_headers().ok()?).ok()?;
            let body = host.answer_body(body).ok()?;
            Some(Response { headers, body })
        };
        has_headers
            .then(response)
            .flatten()
            .map_or(Self::Nothing, Self::Response)
    }
}

/// What is kept for requests that are under way. There are never many.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    requests: Vec<(CallNumber, Progress)>,
    /// Header lines for responses.
    lines: Vec<(Context, Vec<HeaderLine>)>,
}

impl Waiting {
    pub(crate) fn add(&mut self, call: CallNumber, progress: Progress) {
        self.requests.push((call, progress));
    }

    /// The request that waits for this call.
    pub(crate) fn take(&mut self, call: CallNumber) -> Option<Progress> {
        let place = self.requests.iter().position(|(known, _)| *known == call)?;
        Some(self.requests.swap_remove(place).1)
    }

    pub(crate) fn add_lines(&mut self, context: Context, lines: Vec<HeaderLine>) {
        self.lines.push((context, lines));
    }

    /// The lines for a request's response, in order.
    pub(crate) fn take_lines(&mut self, context: Context) -> Vec<HeaderLine> {
        let mut taken = Vec::new();
        self.lines.retain_mut(|(known, lines)| {
            if *known == context {
                taken.append(lines);
            }
            *known != context
        });
        taken
    }

    pub(crate) fn forget(&mut self, context: Context) {
        self.requests.retain(|(_, progress)| progress.context != context);
        self.lines.retain(|(known, _)| *known != context);
    }
}
