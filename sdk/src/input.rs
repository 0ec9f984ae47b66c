//! Where manifests come from: files, directories, standard input, or text in memory.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{FileId, Sources, Span};

/// One thing to read manifests from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Input {
    /// A file, or a directory whose `*.yaml`, `*.yml` and `*.json` files are read, those in directories below it too. Names that
    /// start with a dot are left out.
    Path(PathBuf),
    /// Standard input.
    Stdin,
    /// A text in memory.
    Text {
        /// What diagnostics call it.
        name: String,
        /// YAML or JSON.
        text: String,
    },
    /// A file that holds a bare `MeshConfig`. It takes precedence over one found in the manifests.
    MeshConfig(PathBuf),
}

impl Input {
    /// An argument of a command: a path, or `-` for standard input.
    #[must_use]
    pub fn from_argument(argument: &str) -> Self {
        if argument == "-" {
            Self::Stdin
        } else {
            Self::Path(argument.into())
        }
    }
}

impl<P: Into<PathBuf>> From<P> for Input {
    fn from(path: P) -> Self {
        Self::Path(path.into())
    }
}

/// A text that has been read, and whether it is a bare `MeshConfig`.
pub(crate) struct Text {
    pub(crate) file: FileId,
    pub(crate) is_mesh_config: bool,
}

/// Reads every input into `sources`. What cannot be read is reported; nothing is left out in silence.
pub(crate) fn read_all(inputs: &[Input], sources: &mut Sources, diagnostics: &mut Diagnostics) -> Vec<Text> {
    let mut texts = Vec::new();
    let mut seen = BTreeSet::new();
    for input in inputs {
        let is_mesh_config = matches!(input, Input::MeshConfig(_));
        let mut keep = |name: String, bytes: io::Result<Vec<u8>>| {
            let text = bytes
                .map_err(|error| Diagnostic::error(format!("{name} cannot be read: {error}")))
                .and_then(|bytes| decode(&name, bytes, sources));
            match text {
                Ok(file) => texts.push(Text { file, is_mesh_config }),
                Err(diagnostic) => diagnostics.push(diagnostic),
            }
        };
        match input {
            Input::Text { name, text } => keep(name.clone(), Ok(text.clone().into_bytes())),
            Input::Stdin => keep("<stdin>".to_owned(), read_limited(io::stdin().lock())),
            Input::MeshConfig(path) => keep(path.display().to_string(), read_file(path)),
            Input::Path(path) => {
                let mut found = Found::default();
                found.walk(path, true, &mut BTreeSet::new());
                for file in found.files {
                    // The same file given twice would be a duplicate of every object in it.
                    if seen.insert(fs::canonicalize(&file).unwrap_or_else(|_| file.clone())) {
                        keep(file.display().to_string(), read_file(&file));
                    }
                }
                diagnostics.extend(found.problems);
            }
        }
    }
    texts
}

/// The files below a path.
#[derive(Default)]
struct Found {
    files: Vec<PathBuf>,
    problems: Vec<Diagnostic>,
}

impl Found {
    /// `parents` holds the directories that are being walked, by their real paths: a symbolic link back to one of them ends there.
    fn walk(&mut self, path: &Path, is_given: bool, parents: &mut BTreeSet<PathBuf>) {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => {
                let shown = path.display();
                self.problems
                    .push(Diagnostic::error(format!("{shown} cannot be read: {error}")));
                return;
            }
        };
        if !metadata.is_dir() {
            if is_given || has_known_extension(path) {
                self.files.push(path.to_owned());
            }
            return;
        }
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if !parents.insert(real.clone()) {
            return;
        }
        let before = self.files.len();
        match sorted_entries(path) {
            Ok(entries) => {
                for entry in entries {
                    self.walk(&entry, false, parents);
                }
            }
            Err(error) => {
                let message = format!("the directory {} cannot be read: {error}", path.display());
                self.problems.push(Diagnostic::error(message));
            }
        }
        parents.remove(&real);
        if is_given && self.files.len() == before && self.problems.is_empty() {
            let message = format!("{} has no *.yaml, *.yml or *.json files", path.display());
            self.problems.push(Diagnostic::error(message));
        }
    }
}

fn sorted_entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            entries.push(entry.path());
        }
    }
    entries.sort();
    Ok(entries)
}

fn has_known_extension(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    read_limited(fs::File::open(path)?)
}

fn read_limited(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = Sources::LARGEST as u64;
    reader.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() > Sources::LARGEST {
        let message = format!("it is larger than {} MiB", most >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

fn decode(name: &str, bytes: Vec<u8>, sources: &mut Sources) -> Result<FileId, Diagnostic> {
    let error = match String::from_utf8(bytes) {
        Ok(text) => return Ok(sources.add(name, text)),
        Err(error) => error,
    };
    let valid = error.utf8_error().valid_up_to();
    let shown = String::from_utf8_lossy(error.as_bytes()).into_owned();
    let file = sources.add(name, shown);
    Err(Diagnostic::error("this is not UTF-8")
        .at(Span::new(file, valid, valid), "the first byte that is not")
        .help("save the file as UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(inputs: &[Input]) -> (Vec<String>, Vec<String>) {
        let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
        let texts = read_all(inputs, &mut sources, &mut diagnostics);
        let names = texts.iter().map(|text| sources.file(text.file).name().to_owned());
        let messages = diagnostics.iter().map(|diagnostic| diagnostic.message().to_owned());
        (names.collect(), messages.collect())
    }

    #[test]
    fn a_directory_is_read_in_order_without_hidden_and_foreign_files() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("b/.git")).unwrap();
        for name in [
            "z.yaml",
            "a.yml",
            "b/c.json",
            "b/notes.md",
            ".hidden.yaml",
            "b/.git/x.yaml",
        ] {
            fs::write(root.join(name), "a: 1").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(root, root.join("b/loop")).unwrap();
        let (names, messages) = names(&[root.into()]);
        let expected = ["a.yml", "b/c.json", "z.yaml"].map(|name| root.join(name).display().to_string());
        assert_eq!(names, expected);
        assert_eq!(messages, Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::write(root.join("latin.yaml"), b"a: caf\xe9\n").unwrap();
        let huge = fs::File::create(root.join("huge.yaml")).unwrap();
        huge.set_len(Sources::LARGEST as u64 + 1).unwrap();
        fs::create_dir(root.join("empty")).unwrap();
        let rows = [
            ("absent.yaml", "cannot be read: No such file"),
            ("latin.yaml", "this is not UTF-8"),
            ("huge.yaml", "cannot be read: it is larger than 64 MiB"),
            ("empty", "has no *.yaml, *.yml or *.json files"),
        ];
        for (name, expected) in rows {
            let (names, messages) = names(&[root.join(name).into()]);
            assert!(names.is_empty(), "{name}");
            assert!(
                messages.len() == 1 && messages[0].contains(expected),
                "{name}: {messages:?}"
            );
        }
    }

    #[test]
    fn a_file_that_is_given_twice_is_read_once() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.yaml");
        fs::write(&file, "a: 1").unwrap();
        let (names, _) = names(&[file.clone().into(), directory.path().into(), file.into()]);
        assert_eq!(names.len(), 1);
    }

    #[test]
    fn a_dash_is_standard_input() {
        assert_eq!(Input::from_argument("-"), Input::Stdin);
        assert_eq!(Input::from_argument("a"), Input::Path("a".into()));
    }
}
