//! The module that ships: Outgate's filter, without custom policies.
//!
//! With the feature `response-headers` it is called for responses, too, which only authorizers with `headersToDownstreamOnAllow` need.

#[cfg(not(feature = "response-headers"))]
outgate_filter::module!();
#[cfg(feature = "response-headers")]
outgate_filter::module!(; exports: response_headers);
