//! What Envoy makes of a path before any filter sees it.
//!
//! Policies are compared with the path that the proxy's connection manager hands on, not with the one that was sent. Whoever
//! decides about a request without a proxy has to do the same first. The rules are those of Envoy 1.40 with the settings that
//! Istio renders for `meshConfig.pathNormalization`, its bootstrap's `http_reject_path_with_fragment: false` included:
//!
//! ```text
//! /a%2F..;x/./b%41//?q=//#f
//!      │ the fragment goes                          always
//!      │ the query steps aside                      always
//! /a%2F..;x/./b%41//
//!      │ %2F and %5C become slashes                 DECODE_AND_MERGE_SLASHES
//! /a/..;x/./b%41//
//!      │ . and .. lose their parameters             all but NONE
//! /a/.././b%41//
//!      │ segments, backslashes, escapes resolved    all but NONE
//! /bA//
//!      │ slashes in a row become one                MERGE_SLASHES, DECODE_AND_MERGE_SLASHES
//! /bA/?q=//
//! ```
//!
//! It is for paths as they were sent, once: `/%2e;/` becomes `/.;/`, and doing that again would make `/` of it.
//!
//! What is rejected is what HTTP/1.1 rejects. The one known difference is HTTP/2, over which the proxy lets bytes from 0x80
//! on pass: as they are in queries and with `NONE`, else escaped, as `%C3`. Here they are rejected.
//!
//! ```
//! use outgate_policy::path_normalization::{Steps, normalize};
//!
//! let path = normalize(Steps::BASE, b"/public/..;/%61dmin?q=/../");
//! assert_eq!(path.as_deref(), Ok(&b"/admin?q=/../"[..]));
//! ```

use std::fmt;

/// What is done to a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Steps {
    /// `%2F` and `%5C` become slashes.
    pub unescape_slashes: bool,
    /// Dot segments, backslashes and escapes are resolved.
    pub resolve: bool,
    /// Slashes in a row become one.
    pub merge_slashes: bool,
}

impl Steps {
    /// `NONE`
    pub const NONE: Self = Self {
        unescape_slashes: false,
        resolve: false,
        merge_slashes: false,
    };
    /// `BASE`, which `DEFAULT` is
    pub const BASE: Self = Self {
        resolve: true,
        ..Self::NONE
    };
    /// `MERGE_SLASHES`
    pub const MERGE_SLASHES: Self = Self {
        merge_slashes: true,
        ..Self::BASE
    };
    /// `DECODE_AND_MERGE_SLASHES`
    pub const DECODE_AND_MERGE_SLASHES: Self = Self {
        unescape_slashes: true,
        ..Self::MERGE_SLASHES
    };
}

/// The path that filters see, with its query.
///
/// # Errors
///
/// When the proxy answers the request itself.
pub fn normalize(steps: Steps, path: &[u8]) -> Result<Vec<u8>, Rejected> {
    if !path.starts_with(b"/") {
        return Err(Rejected::NoSlash);
    }
    // The codec reads all of it, what is cut off below too.
    if !path.iter().all(u8::is_ascii_graphic) {
        return Err(Rejected::Byte);
    }
    let path = &path[..position(path, b'#')];
    let (path, query) = path.split_at(position(path, b'?'));
    let mut path = path.to_vec();
    if steps.unescape_slashes {
        path = unescape_slashes(&path);
    }
    if steps.resolve {
        path = canonical(&without_dot_parameters(&path))?;
    }
    if steps.merge_slashes {
        path = merge_slashes(&path);
    }
    path.extend_from_slice(query);
    Ok(path)
}

/// Why the proxy answers a request itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Rejected {
    /// It does not begin with a slash: status 400, and 404 for the `*` of `OPTIONS` and the like.
    NoSlash,
    /// A space, a control character or a byte that is not ASCII, the query and the fragment included: status 400.
    Byte,
    /// `%00` where escapes are resolved: status 400, `path_normalization_failed`.
    EscapedNul,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSlash => "400 (404 to OPTIONS), the path does not begin with a slash",
            Self::Byte => "400, the path has a space, a control character or a byte that is not ASCII",
            Self::EscapedNul => "400, the path has an escaped NUL (%00)",
        })
    }
}

impl std::error::Error for Rejected {}

fn position(text: &[u8], wanted: u8) -> usize {
    text.iter().position(|&byte| byte == wanted).unwrap_or(text.len())
}

fn unescape_slashes(path: &[u8]) -> Vec<u8> {
    let mut unescaped = Vec::with_capacity(path.len());
    let mut rest = path;
    loop {
        rest = match rest {
            [b'%', b'2', b'F' | b'f', after @ ..] => {
                unescaped.push(b'/');
                after
            }
            [b'%', b'5', b'C' | b'c', after @ ..] => {
                unescaped.push(b'\\');
                after
            }
            [byte, after @ ..] => {
                unescaped.push(*byte);
                after
            }
            [] => return unescaped,
        };
    }
}

/// The path in which `.` and `..`, written plainly between plain slashes, have lost their parameters: `/..;a=b/` is `/../`.
fn without_dot_parameters(path: &[u8]) -> Vec<u8> {
    let segments = path.split(|&byte| byte == b'/').map(|segment| {
        let (name, _parameters) = segment.split_at(position(segment, b';'));
        if matches!(name, b"." | b"..") { name } else { segment }
    });
    segments.collect::<Vec<_>>().join(&b'/')
}

/// The path as a browser's URL parser writes it: dot segments resolved, backslashes turned, what needs no escape unescaped, what
/// does not belong into a path escaped. Escapes that stay keep the case of their digits.
fn canonical(path: &[u8]) -> Result<Vec<u8>, Rejected> {
    let mut canonical = Vec::with_capacity(path.len());
    // INVARIANT: where in `canonical` the last `%` is that began no escape.
    let mut bare_percent = None;
    let mut rest = path;
    while let [byte, after_byte @ ..] = rest {
        if let Some(after_dot) = strip_dot(rest) {
            let is_beginning = canonical.last() == Some(&b'/');
            let segment = if is_beginning {
                Segment::after_one_dot(after_dot)
            } else {
                Segment::Name
            };
            rest = match segment {
                Segment::Name => {
                    canonical.push(b'.');
                    after_dot
                }
                Segment::Current(after) => after,
                Segment::Parent(after) => {
                    remove_last_segment(&mut canonical);
                    bare_percent = bare_percent.filter(|place| *place < canonical.len());
                    after
                }
            };
            continue;
        }
        rest = match (byte, escaped(rest)) {
            (b'%', Some((0, _))) => return Err(Rejected::EscapedNul),
            (b'%', Some((decoded, after))) if is_unreserved(decoded) => {
                canonical.push(decoded);
                // `%%341` must not come out as `%41`, which would then be read once more.
                if let Some(place) = bare_percent.filter(|place| makes_escape(&canonical[*place..], after)) {
                    canonical.splice(place + 1..place + 1, *b"25");
                }
                after
            }
            (b'%', Some((_, after))) => {
                canonical.extend_from_slice(&rest[..3]);
                after
            }
            (b'%', None) => {
                bare_percent = Some(canonical.len());
                canonical.push(b'%');
                after_byte
            }
            (b'\\', _) => {
                canonical.push(b'/');
                after_byte
            }
            (byte, _) if needs_escape(*byte) => {
                canonical.extend_from_slice(&escape(*byte));
                after_byte
            }
            (byte, _) => {
                canonical.push(*byte);
                after_byte
            }
        };
    }
    Ok(canonical)
}

/// Whether unescaping has put a bare `%` before what now reads as an escape, with one digit of it perhaps still to come.
fn makes_escape(from_percent: &[u8], rest: &[u8]) -> bool {
    match (from_percent, rest) {
        ([_percent, high], [low, ..]) | ([_percent, high, low], _) => {
            high.is_ascii_hexdigit() && low.is_ascii_hexdigit()
        }
        _ => false,
    }
}

/// What a segment that begins with a dot is, and what follows it.
enum Segment<'a> {
    /// A name.
    Name,
    /// `.`
    Current(&'a [u8]),
    /// `..`
    Parent(&'a [u8]),
}

impl<'a> Segment<'a> {
    fn after_one_dot(rest: &'a [u8]) -> Self {
        if let Some(after) = end_of_segment(rest) {
            return Self::Current(after);
        }
        strip_dot(rest)
            .and_then(end_of_segment)
            .map_or(Self::Name, Self::Parent)
    }
}

/// What follows the end of a segment, if `rest` is there.
fn end_of_segment(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [] => Some(rest),
        [byte, after @ ..] if is_slash(*byte) => Some(after),
        _ => None,
    }
}

/// What follows a dot, plain or escaped.
fn strip_dot(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'.', after @ ..] | [b'%', b'2', b'E' | b'e', after @ ..] => Some(after),
        _ => None,
    }
}

fn remove_last_segment(path: &mut Vec<u8>) {
    // The path ends in a slash, which stays when it is the first.
    if let Some((_slash, before)) = path.split_last()
        && let Some(slash) = before.iter().rposition(|&byte| byte == b'/')
    {
        path.truncate(slash + 1);
    }
}

const fn is_slash(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~')
}

/// Whether a byte does not belong into a path.
pub(crate) const fn needs_escape(byte: u8) -> bool {
    !byte.is_ascii_graphic() || matches!(byte, b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
}

pub(crate) const fn escape(byte: u8) -> [u8; 3] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    [b'%', DIGITS[(byte >> 4) as usize], DIGITS[(byte & 0x0F) as usize]]
}

/// The byte that an escape stands for, and what follows it.
pub(crate) fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, after @ ..] = text else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let value = digit(*high)? * 16 + digit(*low)?;
    Some((u8::try_from(value).ok()?, after))
}

fn merge_slashes(path: &[u8]) -> Vec<u8> {
    if !path.windows(2).any(|pair| pair == b"//") {
        return path.to_vec();
    }
    let segments: Vec<&[u8]> = path
        .split(|&byte| byte == b'/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let slash = |is_there: bool| if is_there { &b"/"[..] } else { b"" };
    // A path of slashes alone keeps two: its first and its last.
    [
        slash(path.starts_with(b"/")),
        &segments.join(&b'/'),
        slash(path.ends_with(b"/")),
    ]
    .concat()
}
