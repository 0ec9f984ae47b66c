//! External authorizers.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::by_field::by_field;
use crate::string_map::StringMap;

/// An external authorizer, as `extensionProviders` of a `MeshConfig` has it.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// The name that policies call it by.
    pub name: String,
    /// Envoy's cluster that its service is behind, such as `outbound|8000||authz.default.svc.cluster.local`.
    pub cluster: String,
    /// How it is asked.
    pub envoy_ext_authz_http: ExtAuthzHttp,
}

by_field!(Provider = "an external authorizer" {
    name = "name" (required),
    cluster = "cluster" (required),
    envoy_ext_authz_http = "envoyExtAuthzHttp" (required),
});

/// `envoyExtAuthzHttp`: Istio's names and defaults. Names of headers are exact, `prefix*` or `*suffix`, in any case.
///
/// Where the service is, is for the cluster to say: `service` and `port` are left out.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtAuthzHttp {
    /// How long to wait for an answer; absent: 600 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Timeout>,
    /// What is put in front of the request's path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path_prefix: String,
    /// Whether a request goes on when there is no answer, or one of 5xx.
    pub fail_open: bool,
    /// The status of a request that is stopped for that reason; absent: 403.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_on_error: Option<StatusCode>,
    /// Headers of the request that the authorizer sees, besides host, method, path, content length and `authorization`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include_request_headers_in_check: Vec<String>,
    /// Headers that are set in what the authorizer sees.
    #[serde(skip_serializing_if = "StringMap::is_empty")]
    pub include_additional_headers_in_check: StringMap,
    /// Headers of an answer of 200 that are set in the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers_to_upstream_on_allow: Vec<String>,
    /// Headers of another answer that the client gets; none: all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers_to_downstream_on_deny: Vec<String>,
    /// Headers of an answer of 200 that are added to the response.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers_to_downstream_on_allow: Vec<String>,
}

by_field!(ExtAuthzHttp = "how an external authorizer is asked" {
    timeout = "timeout",
    path_prefix = "pathPrefix",
    fail_open = "failOpen",
    status_on_error = "statusOnError",
    include_request_headers_in_check = "includeRequestHeadersInCheck",
    include_additional_headers_in_check = "includeAdditionalHeadersInCheck",
    headers_to_upstream_on_allow = "headersToUpstreamOnAllow",
    headers_to_downstream_on_deny = "headersToDownstreamOnDeny",
    headers_to_downstream_on_allow = "headersToDownstreamOnAllow",
});

/// A length of time, in whole milliseconds and at least one; written in seconds, as Protobuf's JSON has it: `5s`, `0.250s`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Timeout(u32);

impl Timeout {
    /// A length of time in milliseconds; `None` for none at all.
    #[must_use]
    pub const fn from_milliseconds(milliseconds: u32) -> Option<Self> {
        match milliseconds {
            0 => None,
            _ => Some(Self(milliseconds)),
        }
    }

    /// How many milliseconds it is.
    #[must_use]
    pub const fn milliseconds(self) -> u32 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let seconds = text.strip_suffix('s')?;
        let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
        let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !are_digits(whole) || !are_digits(fraction) {
            return None;
        }
        // What is less than a millisecond is lost.
        let thousandths = fraction.bytes().chain(*b"000").take(3);
        let thousandths = thousandths.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        let whole: u32 = whole.parse().ok()?;
        Self::from_milliseconds(whole.checked_mul(1000)?.checked_add(thousandths)?)
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 1000, self.0 % 1000) {
            (seconds, 0) => write!(f, "{seconds}s"),
            (seconds, thousandths) => write!(f, "{seconds}.{thousandths:03}s"),
        }
    }
}

/// A status that Envoy can answer with of its own; written as text.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct StatusCode(u16);

impl StatusCode {
    /// One of the statuses of `envoy.type.v3.StatusCode` that can end a request; `None` for another number.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            200..=208
            | 226
            | 300..=305
            | 307
            | 308
            | 400..=417
            | 421..=424
            | 426
            | 428
            | 429
            | 431
            | 500..=508
            | 510
            | 511 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn code(self) -> u16 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().and_then(Self::new)
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads and writes a type as a text.
macro_rules! by_text {
    ($type:ident = $expected:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: Error>(self, text: &str) -> Result<$type, E> {
                        $type::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
                    }
                }

                deserializer.deserialize_str(Text)
            }
        }
    };
}

by_text!(Timeout = "a length of time in seconds, such as `5s` or `0.250s`");
by_text!(StatusCode = "an HTTP status that Envoy knows, such as \"403\"");

#[cfg(test)]
mod tests {
    use super::{StatusCode, Timeout};

    #[test]
    fn timeouts_are_seconds_with_a_fraction() {
        for (text, milliseconds, written) in [
            ("5s", Some(5_000), "5s"),
            ("0.25s", Some(250), "0.250s"),
            ("1.000000001s", Some(1_000), "1s"),
            ("600s", Some(600_000), "600s"),
            ("0s", None, ""),
            ("0.0001s", None, ""),
            ("5", None, ""),
            ("5ms", None, ""),
            (".5s", None, ""),
            ("1.s", None, ""),
            ("-1s", None, ""),
            ("s", None, ""),
            ("", None, ""),
            ("4294968s", None, ""),
            ("99999999999s", None, ""),
            ("\u{664}s", None, ""),
        ] {
            let read = Timeout::parse(text);
            assert_eq!(read.map(Timeout::milliseconds), milliseconds, "{text}");
            assert_eq!(read.map(|read| read.to_string()).unwrap_or_default(), written);
        }
    }

    #[test]
    fn statuses_are_those_that_envoy_knows() {
        for (text, code) in [
            ("403", Some(403)),
            ("511", Some(511)),
            ("418", None),
            ("0", None),
            ("4o3", None),
            ("", None),
        ] {
            assert_eq!(StatusCode::parse(text).map(StatusCode::code), code, "{text}");
        }
    }
}
