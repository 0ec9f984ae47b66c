//! The end of a request.

use crate::host::Host;

/// What has become of a request that has ended. Each answer but the first is a call of the proxy.
pub struct End<'h> {
    host: &'h dyn Host,
    has_passed: bool,
}

impl<'h> End<'h> {
    pub(super) const fn new(host: &'h dyn Host, has_passed: bool) -> Self {
        Self { host, has_passed }
    }

    /// Whether the filter let it go on.
    #[must_use]
    pub const fn has_passed(&self) -> bool {
        self.has_passed
    }

    /// The status of the response; `None` when there was none.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.number(b"response\0code")
            .and_then(|status| u16::try_from(status).ok())
    }

    /// How many bytes the request had, headers included.
    #[must_use]
    pub fn request_bytes(&self) -> u64 {
        self.number(b"request\0total_size").unwrap_or(0)
    }

    /// How many bytes the response had, headers included.
    #[must_use]
    pub fn response_bytes(&self) -> u64 {
        self.number(b"response\0total_size").unwrap_or(0)
    }

    fn number(&self, path: &[u8]) -> Option<u64> {
        let bytes = self.host.property(path).ok()??;
        bytes.try_into().ok().map(u64::from_le_bytes)
    }
}
