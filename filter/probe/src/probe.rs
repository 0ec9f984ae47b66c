//! A probe.

use std::time::Duration;

use outgate_filter::custom_policy::prelude::*;

use crate::script::{Case, Level, Say, Script, Step};

/// Makes a type a custom policy that does what its [`Script`] says.
macro_rules! probe {
    (
        $(#[$about:meta])*
        $type:ident = $name:literal, reads [$($attribute:expr),*] $(, watches $end:ident)?
    ) => {
        $(#[$about])*
        pub(crate) struct $type($crate::probe::Probe);

        impl outgate_filter::custom_policy::CustomPolicy for $type {
            const NAME: &'static str = $name;
            const READS: &'static [Attribute] = &[$($attribute),*];
            $(const WATCHES_END: bool = { let _ = stringify!($end); true };)?
            type Config = $crate::script::Script;

            fn new(script: Self::Config) -> Result<Self, outgate_filter::custom_policy::Invalid> {
                $crate::probe::Probe::new(script).map(Self)
            }

            fn check(
                &self,
                request: &outgate_filter::custom_policy::Request<'_>,
                decision: &outgate_filter::custom_policy::Decision<'_>,
                services: &outgate_filter::custom_policy::Services<'_>,
            ) -> outgate_filter::custom_policy::Answer {
                self.0.check(request, decision, services)
            }

            fn answered(
                &self,
                request: &outgate_filter::custom_policy::Request<'_>,
                decision: &outgate_filter::custom_policy::Decision<'_>,
                response: &outgate_filter::custom_policy::Response,
                services: &outgate_filter::custom_policy::Services<'_>,
            ) -> outgate_filter::custom_policy::Answer {
                self.0.answered(request, decision, response, services)
            }

            fn ended(
                &self,
                request: &outgate_filter::custom_policy::Request<'_>,
                end: &outgate_filter::custom_policy::End<'_>,
                services: &outgate_filter::custom_policy::Services<'_>,
            ) {
                self.0.ended(request, end, services);
            }

            fn tick(&self, services: &outgate_filter::custom_policy::Services<'_>) {
                self.0.tick(services);
            }
        }
    };
}

pub(crate) use probe;

pub(crate) struct Probe(Script);

impl Probe {
    pub(crate) fn new(script: Script) -> Result<Self, Invalid> {
        for (index, case) in script.cases.iter().enumerate() {
            if !case.path.starts_with('/') {
                return Err(Invalid::field(format!("cases[{index}].path"), "a path begins with `/`"));
            }
        }
        if let Some(Level::High { above: 0 }) = script.level {
            return Err(Invalid::field("", "a high level is above something"));
        }
        Ok(Self(script))
    }

    fn case(&self, request: &Request<'_>) -> Option<&Case> {
        let path = request.path()?;
        self.0.cases.iter().find(|case| case.path.as_bytes() == path)
    }

    pub(crate) fn check(&self, request: &Request<'_>, decision: &Decision<'_>, services: &Services<'_>) -> Answer {
        request.log_field("saw", saw(decision));
        let Some(case) = self.case(request) else {
            return Answer::Abstain;
        };
        for step in &case.steps {
            take(step, request, services);
        }
        say(&case.answer)
    }

    pub(crate) fn answered(
        &self,
        request: &Request<'_>,
        decision: &Decision<'_>,
        response: &Response,
        services: &Services<'_>,
    ) -> Answer {
        services.count("answered", 1);
        request.log_field("saw-then", saw(decision));
        match self.case(request).and_then(|case| case.then.as_ref()) {
            Some(Say::Echo) => {
                let note = request.remembered().unwrap_or_default();
                Deny::new(&String::from_utf8_lossy(&note))
                    .status(response.status())
                    .body(response.body())
                    .header("x-answer", response.header("x-answer").unwrap_or_default())
                    .into()
            }
            Some(then) => say(then),
            None => Answer::Abstain,
        }
    }

    pub(crate) fn ended(&self, request: &Request<'_>, end: &End<'_>, services: &Services<'_>) {
        if self.0.is_talkative {
            let note = request.remembered();
            let note = note.as_deref().map_or("nothing".into(), String::from_utf8_lossy);
            let path = request.path().unwrap_or_default();
            let path = String::from_utf8_lossy(path);
            let (status, sent, received) = (end.status(), end.request_bytes(), end.response_bytes());
            let passed = end.has_passed();
            services.log(
                LogLevel::Info,
                &format!("{path} ended: passed {passed}, status {status:?}, {sent} and {received} bytes, note {note}"),
            );
            request.log_field("end", "yes");
        }
        if self.case(request).is_some_and(|case| case.path == "/undeclared-at-end") {
            let _ = request.principal();
        }
    }

    pub(crate) fn tick(&self, services: &Services<'_>) {
        services.count("ticks", 1);
        if self.0.is_talkative {
            services.log(LogLevel::Info, &format!("ticks at {} ms", services.now().as_millis()));
        }
    }
}

fn saw(decision: &Decision<'_>) -> String {
    let rule = decision.rule.map_or("-", |rule| rule.as_str());
    format!(
        "{} by {} {rule}",
        decision.verdict.as_str(),
        decision.decided_by.as_str()
    )
}

fn take(step: &Step, request: &Request<'_>, services: &Services<'_>) {
    match step {
        Step::Count(event) => services.count(event, 1),
        Step::LogField { name, value } => request.log_field(name, value),
        Step::Remember(note) => request.remember(note.as_str()),
        Step::Log(line) => services.log(LogLevel::Warn, line),
        Step::Now => request.log_field("now", services.now().as_millis().to_string()),
        Step::Read(what) => request.log_field("read", read(what, request)),
        Step::Add(key) => {
            let mut number = 0;
            let added = services.change_shared(key, |value| {
                let value = value.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
                number = value.unwrap_or(0_u64) + 1;
                Some(number.to_string().into())
            });
            let shown = match added {
                Ok(()) => number.to_string(),
                Err(error) => error.to_string(),
            };
            request.log_field("number", shown);
        }
    }
}

/// An attribute by its name in the log.
fn read(what: &str, request: &Request<'_>) -> String {
    let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let read = match what {
        "method" => text(request.method()),
        "host" => text(request.host()),
        "host name" => text(request.host_name().as_deref()),
        "path" => text(request.path()),
        "headers" => request.headers().map(|headers| headers.iter().count().to_string()),
        "peer" => text(request.principal()),
        "names" => request.peer().map(|peer| peer.names().count().to_string()),
        "source.ip" => request.source_ip().map(|address| address.to_string()),
        "remote.ip" => request.remote_ip().map(|address| address.to_string()),
        "destination.ip" => request.destination_ip().map(|address| address.to_string()),
        "destination.port" => request.destination_port().map(|port| port.to_string()),
        "connection.sni" => text(request.sni()),
        "metadata" => request.claim(&["sub"]).and_then(|claim| text(claim.as_text())),
        header => text(request.header(header)),
    };
    read.unwrap_or_else(|| "none".to_owned())
}

fn say(say: &Say) -> Answer {
    match say {
        Say::Abstain | Say::Echo => Answer::Abstain,
        Say::Allow => Answer::Allow,
        Say::Deny {
            reason,
            status,
            body,
            header,
        } => {
            let mut deny = Deny::new(reason);
            if let Some(status) = status {
                deny = deny.status(*status);
            }
            if let Some(body) = body {
                deny = deny.body(body.as_bytes());
            }
            if let Some((name, value)) = header {
                deny = deny.header(name, value.as_bytes());
            }
            deny.into()
        }
        Say::Ask {
            cluster,
            post,
            header,
            authority,
            milliseconds,
            fails_open,
        } => {
            let on_failure = if *fails_open {
                FailureMode::Open
            } else {
                FailureMode::Closed
            };
            let mut question = match post {
                Some(body) => Question::post(cluster, "/asked", body.as_bytes(), on_failure),
                None => Question::get(cluster, "/asked", on_failure),
            };
            if let Some((name, value)) = header {
                question = question.header(name, value.as_bytes());
            }
            if let Some(authority) = authority {
                question = question.authority(authority);
            }
            if let Some(milliseconds) = milliseconds {
                question = question.timeout(Duration::from_millis(*milliseconds));
            }
            question.into()
        }
    }
}
