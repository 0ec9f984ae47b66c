//! A message of the tree, asked for its fields one by one.

use crate::error::Problem;
use crate::scalar;
use crate::source::{Position, Source, Syntax};
use crate::tree::{Field, Kind, Value};

/// The fields of one message. What nobody has asked for by the end is an error.
pub(crate) struct Fields<'t> {
    source: &'t Source<'t>,
    /// Where the message stands among the others: `test[1].request_headers`. Empty for the outermost.
    path: String,
    /// Where it starts, in bytes.
    at: usize,
    fields: &'t [Field],
    asked: Vec<&'static str>,
}

/// What turns a message into a part of the model.
type Reader<'t, T> = fn(&mut Fields<'t>) -> Result<T, Problem>;

impl<'t> Fields<'t> {
    /// Reads the outermost message.
    pub(crate) fn read_root<T>(source: &'t Source<'t>, fields: &'t [Field], read: Reader<'t, T>) -> Result<T, Problem> {
        let root = Fields {
            source,
            path: String::new(),
            at: 0,
            fields,
            asked: Vec::new(),
        };
        root.read(read)
    }

    pub(crate) fn position(&self) -> Position {
        self.source.position(self.at)
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        let Some(value) = self.singular(name)? else {
            return Ok(None);
        };
        let bytes = self.bytes_of(name, value)?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(Problem::new(value.at, format!("`{}` is not UTF-8", self.path_of(name)))
                .help("other bytes can stand only in headers' values, bodies and exact matchers")),
        }
    }

    pub(crate) fn bytes(&mut self, name: &'static str) -> Result<Option<Vec<u8>>, Problem> {
        match self.singular(name)? {
            Some(value) => self.bytes_of(name, value).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> Result<bool, Problem> {
        let Some(value) = self.singular(name)? else {
            return Ok(false);
        };
        scalar::flag(&value.kind).ok_or_else(|| self.wrong_type(name, value, "`true` or `false`"))
    }

    /// An integer that is at least `least` and at most `most`, which must fit `T`.
    pub(crate) fn integer<T: TryFrom<i128>>(
        &mut self,
        name: &'static str,
        least: i128,
        most: i128,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.singular(name)? else {
            return Ok(None);
        };
        let Some(number) = scalar::integer(&value.kind) else {
            return Err(self.wrong_type(name, value, "a whole number"));
        };
        let in_range = number.filter(|number| (least..=most).contains(number));
        match in_range.and_then(|number| T::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => {
                let path = self.path_of(name);
                Err(Problem::new(value.at, format!("`{path}` is out of range"))
                    .help(format!("it is at least {least} and at most {most}")))
            }
        }
    }

    /// A value of an enum: by its name, or by its place among the `choices`.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[(&'static str, T)],
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.singular(name)? else {
            return Ok(None);
        };
        let (Kind::Bare(written) | Kind::Scalar(written)) = &value.kind else {
            return Err(self.wrong_type(name, value, "a name without quotes"));
        };
        if let Some(&(_, choice)) = choices.iter().find(|(known, _)| known == written) {
            return Ok(Some(choice));
        }
        let number = scalar::integer(&value.kind).flatten();
        if let Some(&(_, choice)) = number.and_then(|number| choices.get(usize::try_from(number).ok()?)) {
            return Ok(Some(choice));
        }
        let names: Vec<_> = choices.iter().map(|&(name, _)| name).collect();
        let path = self.path_of(name);
        Err(Problem::new(value.at, format!("`{path}` has no value `{written}`")).help(suggestion(written, &names)))
    }

    pub(crate) fn message<T>(&mut self, name: &'static str, read: Reader<'t, T>) -> Result<Option<T>, Problem> {
        match self.singular(name)? {
            Some(value) => self.submessage(name, self.path_of(name), value, read).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn messages<T>(&mut self, name: &'static str, read: Reader<'t, T>) -> Result<Vec<T>, Problem> {
        let values = self.repeated(name)?;
        let path = self.path_of(name);
        values
            .into_iter()
            .enumerate()
            .map(|(index, value)| self.submessage(name, format!("{path}[{index}]"), value, read))
            .collect()
    }

    /// Refuses a message that has more than one of these fields.
    pub(crate) fn one_of(&self, names: &[&'static str]) -> Result<(), Problem> {
        let mut given = self
            .fields
            .iter()
            .filter(|field| names.contains(&field.name.as_str()) && is_set(field));
        let Some(first) = given.next() else {
            return Ok(());
        };
        match given.find(|field| field.name != first.name) {
            Some(second) => {
                let message = format!("{} has both `{}` and `{}`", self.described(), first.name, second.name);
                Err(Problem::new(second.at, message).help(format!("it can have one of {}", listed(names))))
            }
            None => Ok(()),
        }
    }

    /// Refuses a message that has more than one value of a repeated field.
    pub(crate) fn at_most_one(&mut self, name: &'static str, why: &str) -> Result<(), Problem> {
        match self.repeated(name)?.get(1) {
            Some(second) => {
                let path = self.path_of(name);
                Err(Problem::new(second.at, format!("`{path}` stands more than once")).help(why))
            }
            None => Ok(()),
        }
    }

    /// What is wrong with a message that lacks something: a misspelt name, if there is one, else `what`.
    // INVARIANT: whoever calls this has asked for every field of the message, or known ones are called unknown.
    pub(crate) fn incomplete(&self, what: &str, missing: &[&str]) -> Problem {
        self.unknown().unwrap_or_else(|| {
            Problem::new(self.at, format!("{} {what}", self.described()))
                .help(format!("give it {}", alternatives(missing)))
        })
    }

    fn read<T>(mut self, read: Reader<'t, T>) -> Result<T, Problem> {
        let message = read(&mut self)?;
        match self.unknown() {
            None => Ok(message),
            Some(problem) => Err(problem),
        }
    }

    /// The first field that nobody has asked for, as an error.
    fn unknown(&self) -> Option<Problem> {
        let is_unknown = |field: &&Field| !self.asked.contains(&field.name.as_str());
        let unknown = self.fields.iter().find(is_unknown)?;
        let message = format!("{} has no field `{}`", self.described(), unknown.name);
        Some(Problem::new(unknown.at, message).help(suggestion(&unknown.name, &self.asked)))
    }

    fn submessage<T>(
        &self,
        name: &'static str,
        path: String,
        value: &'t Value,
        read: Reader<'t, T>,
    ) -> Result<T, Problem> {
        let Kind::Message(fields) = &value.kind else {
            return Err(self.wrong_type(name, value, "fields of its own"));
        };
        let message = Fields {
            source: self.source,
            path,
            at: value.at,
            fields,
            asked: Vec::new(),
        };
        message.read(read)
    }

    fn singular(&mut self, name: &'static str) -> Result<Option<&'t Value>, Problem> {
        let mut given = self.ask(name);
        let Some(first) = given.next() else {
            return Ok(None);
        };
        if let Some(second) = given.next() {
            return Err(self.twice(name, first, second));
        }
        if let Kind::List(_) = first.value.kind {
            return Err(self.wrong_type(name, &first.value, "one value"));
        }
        Ok(is_set(first).then_some(&first.value))
    }

    fn repeated(&mut self, name: &'static str) -> Result<Vec<&'t Value>, Problem> {
        let mut values = Vec::new();
        let given = self.ask(name);
        if self.source.syntax == Syntax::Yaml
            && let [first, second] = given.clone().take(2).collect::<Vec<_>>()[..]
        {
            return Err(self.twice(name, first, second));
        }
        for field in given {
            match (&field.value.kind, self.source.syntax) {
                (Kind::Null, _) => {}
                (Kind::List(items), _) => values.extend(items),
                (_, Syntax::TextFormat) => values.push(&field.value),
                (_, Syntax::Yaml) => {
                    return Err(self
                        .wrong_type(name, &field.value, "a list")
                        .help("start each entry with `- `, even if there is only one"));
                }
            }
        }
        Ok(values)
    }

    fn ask(&mut self, name: &'static str) -> impl Iterator<Item = &'t Field> + Clone + use<'t> {
        if !self.asked.contains(&name) {
            self.asked.push(name);
        }
        self.fields.iter().filter(move |field| field.name == name)
    }

    fn bytes_of(&self, name: &str, value: &Value) -> Result<Vec<u8>, Problem> {
        match &value.kind {
            Kind::Quoted(bytes) => Ok(bytes.clone()),
            Kind::Scalar(text) => Ok(text.clone().into_bytes()),
            _ => Err(self.wrong_type(name, value, self.texts())),
        }
    }

    fn texts(&self) -> &'static str {
        match self.source.syntax {
            Syntax::TextFormat => "text in quotes",
            Syntax::Yaml => "text",
        }
    }

    fn wrong_type(&self, name: &str, value: &Value, expected: &str) -> Problem {
        let found = value.kind.description();
        Problem::new(value.at, format!("`{}` is {expected}, not {found}", self.path_of(name)))
    }

    fn twice(&self, name: &str, first: &Field, second: &Field) -> Problem {
        let line = self.source.position(first.at).line;
        Problem::new(second.at, format!("`{}` stands twice", self.path_of(name)))
            .help(format!("it can stand once, and does on line {line}"))
    }

    fn path_of(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }

    fn described(&self) -> String {
        match self.path.as_str() {
            "" => "a test suite".to_owned(),
            path => format!("`{path}`"),
        }
    }
}

fn is_set(field: &Field) -> bool {
    match &field.value.kind {
        Kind::Null => false,
        Kind::List(items) => !items.is_empty(),
        _ => true,
    }
}

/// The name that was likely meant, and all that are known.
fn suggestion(written: &str, known: &[&str]) -> String {
    let known_ones = format!("known here: {}", listed(known));
    // Names of this schema that mean different things differ by more than this.
    let most = (written.chars().count() / 3).clamp(1, 3);
    let closest = known
        .iter()
        .map(|name| {
            (
                strsim::damerau_levenshtein(&name.to_lowercase(), &written.to_lowercase()),
                name,
            )
        })
        .filter(|&(distance, _)| distance <= most)
        .min_by_key(|&(distance, _)| distance);
    match closest {
        Some((_, name)) => format!("did you mean `{name}`? {known_ones}"),
        None => known_ones,
    }
}

fn listed(names: &[&str]) -> String {
    joined(names, "and")
}

fn alternatives(names: &[&str]) -> String {
    joined(names, "or")
}

fn joined(names: &[&str], conjunction: &str) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} {conjunction} {last}", others.join(", ")),
    }
}
