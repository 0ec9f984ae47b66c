//! The values of a policy, read: each kind of value is a view of its text that knows how it matches.
//!
//! Views are made when a value is looked at. What is kept is the text alone, which is small and shared, and which
//! [`Policy::check`](crate::Policy::check) has found valid.

mod address;
mod metadata;
mod namespace;
mod path;
mod port;
mod principal;
mod regex_dot;
mod request_principal;
mod service_account;
mod text;
mod trust_domain;

pub use address::{InvalidIpBlock, IpBlock};
pub use metadata::MetadataPattern;
pub use namespace::NamespacePattern;
pub use path::{InvalidTemplate, PathPattern, PathTemplate, TemplateSegment};
pub use principal::PrincipalPattern;
pub use request_principal::RequestPrincipalPattern;
pub use service_account::{InvalidServiceAccount, ServiceAccount};
pub use text::TextPattern;
pub use trust_domain::{InvalidTrustDomain, TrustDomainPattern};

pub(crate) use port::parse_port;
pub(crate) use service_account::after_each;

/// What every peer name of a mesh workload begins with.
pub const SPIFFE: &str = "spiffe://";
