//! The values of a policy, parsed: each kind of value is a type that cannot hold what validation forbids, and knows how it
//! matches.

mod address;
mod metadata;
mod namespace;
mod path;
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

pub(crate) use service_account::after_each;

/// What every peer name of a mesh workload begins with.
pub const SPIFFE: &str = "spiffe://";
