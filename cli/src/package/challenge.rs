//! What a registry asks for when it answers 401.

/// One challenge of a `WWW-Authenticate` header that this command can answer.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Challenge {
    /// A user name and a password with every request.
    Basic,
    /// A token, which another server gives.
    Bearer { realm: String, service: Option<String> },
}

impl Challenge {
    /// The first challenge of a header that can be answered. A header may hold several, with commas between them and commas between
    /// the parameters of each (RFC 9110, 11.6.1).
    pub(super) fn first(header: &str) -> Option<Self> {
        let mut found: Vec<(String, Vec<(String, String)>)> = Vec::new();
        let mut rest = header.trim_start_matches([' ', ',', '\t']);
        while !rest.is_empty() {
            let end = rest.find([' ', ',', '=', '\t']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let value = after.trim_start().strip_prefix('=');
            rest = if let (Some(value), Some((_, parameters))) = (value, found.last_mut()) {
                let (value, after) = read_value(value.trim_start())?;
                parameters.push((word.to_ascii_lowercase(), value));
                after
            } else {
                found.push((word.to_ascii_lowercase(), Vec::new()));
                after.trim_start_matches('=')
            };
            rest = rest.trim_start_matches([' ', ',', '\t']);
        }
        found.into_iter().find_map(|(scheme, parameters)| {
            let get = |name: &str| {
                parameters
                    .iter()
                    .find(|(key, _)| key == name)
                    .map(|(_, value)| value.clone())
            };
            match scheme.as_str() {
                "basic" => Some(Self::Basic),
                "bearer" => get("realm").map(|realm| Self::Bearer {
                    realm,
                    service: get("service"),
                }),
                _ => None,
            }
        })
    }
}

/// A token or a quoted string, and what follows it.
fn read_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', ',', '\t']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Challenge;

    #[test]
    fn challenges_of_registries() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer {
                realm: realm.to_owned(),
                service: service.map(str::to_owned),
            })
        };
        for (header, expected) in [
            ("Basic realm=\"Registry Realm\"", Some(Challenge::Basic)),
            ("basic", Some(Challenge::Basic)),
            (
                "Bearer realm=\"https://auth/token\",service=\"reg, one\",scope=\"repository:a:pull,push\"",
                bearer("https://auth/token", Some("reg, one")),
            ),
            ("bearer scope=x , realm = https://a/", bearer("https://a/", None)),
            (
                "Negotiate abc==, Bearer realm=\"https://a/\\\"\"",
                bearer("https://a/\"", None),
            ),
            ("Bearer service=\"x\", Basic realm=\"y\"", Some(Challenge::Basic)),
            ("Bearer realm=\"https://a/", None),
            ("Digest realm=\"x\"", None),
            ("=,=\"", None),
            ("", None),
        ] {
            assert_eq!(Challenge::first(header), expected, "{header}");
        }
    }
}
