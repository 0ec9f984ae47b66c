//! A request as canonical matching reads it.

use std::borrow::Cow;
use std::net::IpAddr;

use super::{Canonical, canonical};
use crate::request::{Headers, Metadata, Peer, Request, Unreadable};

/// A request in its canonical form, whatever its spelling.
#[derive(Debug)]
pub struct CanonicalRequest<'a, R: ?Sized> {
    spelled: &'a R,
    form: Option<Canonical>,
}

impl<'a, R: Request + ?Sized> CanonicalRequest<'a, R> {
    /// The canonical form of a request.
    ///
    /// # Errors
    ///
    /// When its headers cannot be read.
    pub fn of(spelled: &'a R) -> Result<Self, Unreadable> {
        let form = canonical(spelled.headers()?);
        Ok(Self { spelled, form })
    }

    /// The form, where it is another than that of the request.
    #[must_use]
    pub const fn form(&self) -> Option<&Canonical> {
        self.form.as_ref()
    }
}

impl<R: Request + ?Sized> Request for CanonicalRequest<'_, R> {
    fn headers(&self) -> Result<&Headers, Unreadable> {
        match &self.form {
            Some(form) => Ok(&form.headers),
            None => self.spelled.headers(),
        }
    }

    fn authority(&self) -> Result<Option<Cow<'_, [u8]>>, Unreadable> {
        match &self.form {
            Some(form) => Ok(form.authority.as_deref().map(Cow::Borrowed)),
            None => self.spelled.authority(),
        }
    }

    fn peer(&self) -> Result<Option<&Peer>, Unreadable> {
        self.spelled.peer()
    }

    fn source_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        self.spelled.source_ip()
    }

    fn remote_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        self.spelled.remote_ip()
    }

    fn destination_ip(&self) -> Result<Option<IpAddr>, Unreadable> {
        self.spelled.destination_ip()
    }

    fn destination_port(&self) -> Result<Option<u16>, Unreadable> {
        self.spelled.destination_port()
    }

    fn sni(&self) -> Result<Option<&[u8]>, Unreadable> {
        self.spelled.sni()
    }

    fn metadata(&self) -> Result<&Metadata, Unreadable> {
        self.spelled.metadata()
    }
}
