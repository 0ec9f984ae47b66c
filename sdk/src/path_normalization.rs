//! What Envoy makes of a path before any filter sees it, by `meshConfig.pathNormalization`.
//!
//! ```
//! use outgate_sdk::manifest::Normalization;
//! use outgate_sdk::path_normalization::normalize;
//!
//! let path = normalize(Normalization::Base, b"/public/..;/%61dmin?q=/../");
//! assert_eq!(path.as_deref(), Ok(&b"/admin?q=/../"[..]));
//! ```

use outgate_policy::path_normalization::{self, Steps};

pub use outgate_policy::path_normalization::Rejected;

use crate::manifest::Normalization;

/// The path that filters see, with its query.
///
/// # Errors
///
/// When the proxy answers the request itself.
pub fn normalize(normalization: Normalization, path: &[u8]) -> Result<Vec<u8>, Rejected> {
    path_normalization::normalize(steps(normalization), path)
}

const fn steps(normalization: Normalization) -> Steps {
    match normalization {
        Normalization::None => Steps::NONE,
        Normalization::Default | Normalization::Base => Steps::BASE,
        Normalization::MergeSlashes => Steps::MERGE_SLASHES,
        Normalization::DecodeAndMergeSlashes => Steps::DECODE_AND_MERGE_SLASHES,
    }
}

#[cfg(test)]
mod tests;
