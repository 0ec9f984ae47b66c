//! "Did you mean …?"

/// The candidate that `written` is most likely a misspelling of.
#[must_use]
pub fn closest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = written.to_lowercase();
    // Two slips in a name of six letters is a slip; in one of three it is another name.
    let most = (written.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&folded, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|&(distance, _)| distance <= most)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// The words as a list in prose, each in backticks: `` `a`, `b` and `c` ``.
#[must_use]
pub fn listed(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let fields = ["paths", "notPaths", "methods", "hosts"];
        let rows = [
            ("path", Some("paths")),
            ("notpaths", Some("notPaths")),
            ("notPahts", Some("notPaths")),
            ("mehtods", Some("methods")),
            ("uri", None),
            ("", None),
        ];
        for (written, expected) in rows {
            assert_eq!(closest(written, fields), expected, "{written}");
        }
    }

    #[test]
    fn words_are_listed_as_prose() {
        assert_eq!(listed(&[]), "");
        assert_eq!(listed(&["a"]), "`a`");
        assert_eq!(listed(&["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
