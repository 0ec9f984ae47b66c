//! What custom policies have noted down about requests that are under way.

use crate::host::Context;

/// Notes about requests, each by one policy. By request: hosts number contexts in order, so that a new one goes to the end.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<Note>);

#[derive(Debug)]
struct Note {
    context: Context,
    policy: &'static str,
    text: Vec<u8>,
}

impl Notes {
    /// Keeps a policy's note about a request, in the place of an older one.
    pub(crate) fn put(&mut self, context: Context, policy: &'static str, text: Vec<u8>) {
        let first = self.first(context);
        match self.place(context, policy) {
            Some(place) => self.0[place].text = text,
            None => self.0.insert(first, Note { context, policy, text }),
        }
    }

    pub(crate) fn get(&self, context: Context, policy: &str) -> Option<Vec<u8>> {
        self.place(context, policy).map(|place| self.0[place].text.clone())
    }

    pub(crate) fn forget(&mut self, context: Context) {
        let first = self.first(context);
        let of_context = self.0[first..].iter().take_while(|note| note.context == context);
        let end = first + of_context.count();
        self.0.drain(first..end);
    }

    /// Where the notes about a request begin, or would.
    fn first(&self, context: Context) -> usize {
        self.0.partition_point(|note| note.context.0 < context.0)
    }

    fn place(&self, context: Context, policy: &str) -> Option<usize> {
        let first = self.first(context);
        let mut of_context = self.0[first..].iter().take_while(|note| note.context == context);
        of_context
            .position(|note| note.policy == policy)
            .map(|place| first + place)
    }
}

#[cfg(test)]
mod tests {
    use super::Notes;
    use crate::host::Context;

    #[test]
    fn notes_are_kept_by_request_and_policy() {
        let mut notes = Notes::default();
        for context in [7, 3, 9, 3, 5] {
            for policy in ["a", "b"] {
                notes.put(Context(context), policy, format!("{context}{policy}").into());
            }
        }
        notes.put(Context(3), "b", b"new".to_vec());
        notes.forget(Context(5));
        notes.forget(Context(6));
        let get = |context, policy| {
            notes
                .get(Context(context), policy)
                .map(|text| String::from_utf8(text).unwrap())
        };
        for (context, policy, expected) in [
            (3, "a", Some("3a")),
            (3, "b", Some("new")),
            (3, "c", None),
            (5, "a", None),
            (7, "b", Some("7b")),
            (9, "a", Some("9a")),
            (10, "a", None),
        ] {
            assert_eq!(get(context, policy).as_deref(), expected, "{context} {policy}");
        }
        for context in [3, 7, 9] {
            notes.forget(Context(context));
        }
        assert!(notes.0.is_empty());
    }
}
