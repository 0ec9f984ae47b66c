//! Words that stand in logs and in the names of counters.

/// The word with what is no letter, digit, `-`, `_`, `.` or `:` replaced by `_`, so that nothing in it ends a log field or a label.
pub(super) fn plain(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | ':');
    word.chars()
        .map(|letter| if is_plain(letter) { letter } else { '_' })
        .collect()
}

/// Whether a policy can have this name: lower-case letters, digits and hyphens, first a letter.
#[must_use]
pub const fn is_policy_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.is_empty() || !bytes[0].is_ascii_lowercase() {
        return false;
    }
    let mut at = 1;
    while at < bytes.len() {
        if !matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'-') {
            return false;
        }
        at += 1;
    }
    true
}

/// Whether no two are the same.
#[must_use]
pub const fn are_distinct(names: &[&str]) -> bool {
    let mut first = 0;
    while first < names.len() {
        let mut second = first + 1;
        while second < names.len() {
            if are_equal(names[first].as_bytes(), names[second].as_bytes()) {
                return false;
            }
            second += 1;
        }
        first += 1;
    }
    true
}

const fn are_equal(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{are_distinct, is_policy_name, plain};

    #[test]
    fn names_of_policies_are_plain_words() {
        for (name, expected) in [
            ("budget", true),
            ("first-contact", true),
            ("b2", true),
            ("", false),
            ("2b", false),
            ("-a", false),
            ("Budget", false),
            ("a_b", false),
            ("a.b", false),
            ("a b", false),
            ("ä", false),
        ] {
            assert_eq!(is_policy_name(name), expected, "{name:?}");
        }
        assert!(are_distinct(&[]));
        assert!(are_distinct(&["a", "b", "ab", "ba"]));
        assert!(!are_distinct(&["a", "b", "a"]));
    }

    #[test]
    fn nothing_in_a_word_ends_a_field_or_a_label() {
        assert_eq!(plain("too-many:10.0_s"), "too-many:10.0_s");
        assert_eq!(plain("a b\"\n;.;=%é"), "a_b___.____");
    }
}
