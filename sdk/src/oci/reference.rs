//! The names of images: `registry.example/mesh/outgate:1.0`.

use std::fmt;

use serde::Serialize;

/// The name of one version of an image: a letter, a digit or `_`, then up to 127 of these, `.` and `-`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Tag(String);

impl Tag {
    /// # Errors
    ///
    /// When no registry would take it.
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let rest = |byte: u8| word(byte) || matches!(byte, b'.' | b'-');
        match text.as_bytes() {
            [first, others @ ..] if word(*first) && others.len() <= 127 && others.iter().all(|&byte| rest(byte)) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidReference::Tag),
        }
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an image is in a registry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<Tag>,
}

impl Reference {
    /// Reads `REGISTRY/REPOSITORY` or `REGISTRY/REPOSITORY:TAG`. The registry must be named: what is meant without one differs
    /// between tools.
    ///
    /// # Errors
    ///
    /// When a part is missing or malformed.
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        if text.contains("://") {
            return Err(InvalidReference::Scheme);
        }
        if text.contains('@') {
            return Err(InvalidReference::Digest);
        }
        let (registry, path) = text.split_once('/').ok_or(InvalidReference::Registry)?;
        if !is_registry(registry) {
            return Err(InvalidReference::Registry);
        }
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) => (repository, Some(Tag::parse(tag)?)),
            None => (path, None),
        };
        if repository.len() > 255 || !repository.split('/').all(is_component) {
            return Err(InvalidReference::Repository);
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag,
        })
    }

    /// The registry: a host, and perhaps a port.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository in it.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, when one was written.
    #[must_use]
    pub const fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The same place, by another tag.
    #[must_use]
    pub fn with_tag(self, tag: Tag) -> Self {
        Self { tag: Some(tag), ..self }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        self.tag.as_ref().map_or(Ok(()), |tag| write!(f, ":{tag}"))
    }
}

/// A host with a dot or a port, or `localhost`: how every tool tells a registry from the first part of a repository.
fn is_registry(text: &str) -> bool {
    let (host, port) = match text.rfind(':').filter(|_| !text.ends_with(']')) {
        Some(colon) => (&text[..colon], Some(&text[colon + 1..])),
        None => (text, None),
    };
    let is_name = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_name),
    };
    let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number != 0));
    let told_apart = port.is_some() || host.contains(['.', '[']) || host == "localhost";
    is_host && is_port && told_apart
}

/// Lower-case letters and digits, with `.`, `_`, `__` or hyphens between them.
fn is_component(text: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.first().is_some_and(is_word)
        && bytes.last().is_some_and(is_word)
        && bytes
            .split(is_word)
            .all(|between| matches!(between, b"" | b"." | b"_" | b"__") || between.iter().all(|&byte| byte == b'-'))
}

/// Why a text is no name of an image.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidReference {
    /// It starts with a scheme.
    Scheme,
    /// It names a digest, which is for pulling.
    Digest,
    /// It does not start with a registry.
    Registry,
    /// The repository is malformed.
    Repository,
    /// The tag is malformed.
    Tag,
}

impl fmt::Display for InvalidReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "an image is named without a scheme: registry.example/outgate:1",
            Self::Digest => "an image is pushed by tag, not by digest: registry.example/outgate:1",
            Self::Registry => "an image's name starts with its registry: registry.example/outgate:1",
            Self::Repository => {
                "a repository is lower-case letters and digits, with `/`, `.`, `_` or `-` between them: registry.example/outgate:1"
            }
            Self::Tag => "a tag is up to 128 letters, digits, `_`, `.` and `-`, and starts with none of the last two",
        })
    }
}

impl std::error::Error for InvalidReference {}

#[cfg(test)]
mod tests {
    use super::{InvalidReference, Reference};

    #[test]
    fn names_that_registries_take() {
        for (text, registry, repository, tag) in [
            ("registry.example/outgate", "registry.example", "outgate", None),
            ("localhost/a/b__c/d--e.f:1", "localhost", "a/b__c/d--e.f", Some("1")),
            ("reg:5000/a:v1.0_x-Y", "reg:5000", "a", Some("v1.0_x-Y")),
            ("127.0.0.1:5000/a", "127.0.0.1:5000", "a", None),
            ("[::1]:5000/a:b", "[::1]:5000", "a", Some("b")),
            ("[::1]/a", "[::1]", "a", None),
        ] {
            let reference = Reference::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                (reference.registry(), reference.repository()),
                (registry, repository),
                "{text}"
            );
            assert_eq!(reference.tag().map(super::Tag::as_str), tag, "{text}");
            assert_eq!(reference.to_string(), text);
        }
    }

    #[test]
    fn names_that_they_do_not() {
        use InvalidReference::{Digest, Registry, Repository, Scheme, Tag};
        for (text, expected) in [
            ("", Registry),
            ("outgate:1", Registry),
            ("library/outgate:1", Registry),
            ("reg:0/a", Registry),
            ("reg:99999/a", Registry),
            ("reg:/a", Registry),
            ("[::g]:1/a", Registry),
            ("-a.b/c", Registry),
            ("a..b/c", Registry),
            ("a b.c/d", Registry),
            ("user:pw@reg.example/a", Digest),
            ("reg.example/a@sha256:00", Digest),
            ("oci://reg.example/a", Scheme),
            ("reg.example/", Repository),
            ("reg.example/A", Repository),
            ("reg.example/a//b", Repository),
            ("reg.example/../a", Repository),
            ("reg.example/a_.b", Repository),
            ("reg.example/a___b", Repository),
            ("reg.example/a?b", Repository),
            ("reg.example/a:", Tag),
            ("reg.example/a:.b", Tag),
            ("reg.example/a:b:c", Tag),
            ("reg.example/a:b/c", Tag),
        ] {
            assert_eq!(Reference::parse(text), Err(expected), "{text}");
        }
        let long = format!("reg.example/a:{}", "x".repeat(129));
        assert_eq!(Reference::parse(&long), Err(Tag));
    }
}
