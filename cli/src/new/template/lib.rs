//! Keeps data from leaving in query strings: a request whose query is longer than is said is denied.
//!
//! ```yaml
//! my-policy:
//!   mostBytes: 256
//!   except: ["*.partner.example"]        # left out: no host
//! ```

use outgate_filter::custom_policy::HostPattern;
use outgate_filter::custom_policy::prelude::*;
use serde::Deserialize;

outgate_filter::module!(QueryLength);

/// `extensions.my-policy`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    /// How long a query may be, without its `?`.
    most_bytes: usize,
    /// Hosts that take queries of any length.
    #[serde(default)]
    except: Vec<HostPattern>,
}

struct QueryLength(Settings);

impl CustomPolicy for QueryLength {
    const NAME: &'static str = "my-policy";
    const READS: &'static [Attribute] = &[Attribute::Headers];
    type Config = Settings;

    fn new(settings: Settings) -> Result<Self, Invalid> {
        if settings.most_bytes == 0 {
            return Err(Invalid::field("mostBytes", "must be at least 1"));
        }
        Ok(Self(settings))
    }

    fn check(
        &self,
        request: &Request<'_>,
        decision: &Decision<'_>,
        services: &Services<'_>,
    ) -> Answer {
        // What is stopped anyway needs no other reason.
        if decision.verdict != Verdict::Allow {
            return Answer::Abstain;
        }
        let length = request.header(":path").map_or(0, query_length);
        if length <= self.0.most_bytes || self.is_excepted(request) {
            return Answer::Abstain;
        }
        services.count("too-long", 1);
        request.log_field("query_bytes", length.to_string());
        Deny::new("query-too-long")
            .status(414)
            .body("the query is too long\n")
            .into()
    }
}

impl QueryLength {
    fn is_excepted(&self, request: &Request<'_>) -> bool {
        let host = request.host_name();
        host.is_some_and(|host| self.0.except.iter().any(|pattern| pattern.matches(&host)))
    }
}

fn query_length(path: &[u8]) -> usize {
    path.splitn(2, |byte| *byte == b'?')
        .nth(1)
        .map_or(0, <[u8]>::len)
}

/// The policy by itself, natively.
#[cfg(test)]
mod tests {
    use outgate_filter::custom_policy::testing::{Call, Proxy};

    use super::*;

    #[test]
    fn a_longer_query_is_denied() {
        let proxy = Proxy::new();
        let config = r#"{"mostBytes": 3, "except": ["*.partner.example"]}"#;
        let policy = proxy
            .install::<QueryLength>(config)
            .expect("the configuration is taken");
        for (url, is_denied) in [
            ("https://a.example/", false),
            ("https://a.example/long/path", false),
            ("https://a.example/?abc", false),
            ("https://a.example/?a?cd", true),
            ("https://api.partner.example/?abcd", false),
        ] {
            let answer = policy
                .check(&Call::get(url))
                .expect("what it reads can be read");
            assert_eq!(answer != Answer::Abstain, is_denied, "{url}: {answer:?}");
        }
        assert_eq!(proxy.count("my-policy", "too-long"), 1);
    }
}
