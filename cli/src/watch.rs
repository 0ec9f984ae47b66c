//! Notices that files have changed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use outgate_suite_import::is_text_format;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use crate::failure::Failure;

/// Editors write a file in several steps: a change counts when nothing has happened for so long.
const QUIET: Duration = Duration::from_millis(150);

/// What a change counts of. All paths are absolute.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Watched {
    /// A file, which need not be there yet.
    File(PathBuf),
    /// What is YAML, JSON or a suite in a directory.
    Directory(PathBuf),
    /// The YAML and JSON in a directory and all below it.
    Tree(PathBuf),
}

pub(crate) struct Watcher {
    changes: UnboundedReceiver<()>,
    /// When a change counts that has been noticed and not told yet.
    due: Option<Instant>,
    /// Watches as long as it lives.
    _watcher: RecommendedWatcher,
}

impl Watcher {
    /// Watches files, and what is YAML or JSON in directories and below. All of them as absolute paths.
    pub(crate) fn new(paths: Vec<PathBuf>) -> Result<Self, Failure> {
        let watched = |path: PathBuf| {
            if path.is_dir() {
                Watched::Tree(path)
            } else {
                Watched::File(path)
            }
        };
        Self::of(&paths.into_iter().map(watched).collect::<Vec<_>>())
    }

    pub(crate) fn of(watched: &[Watched]) -> Result<Self, Failure> {
        let (sender, changes) = unbounded_channel();
        let of_interest = watched.to_owned();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            let is_reading = matches!(event.kind, EventKind::Access(_));
            let mut paths = event.paths.iter();
            if !is_reading && paths.any(|path| of_interest.iter().any(|watched| watched.is_touched_by(path))) {
                // The receiver lives as long as this watcher.
                sender.send(()).ok();
            }
        })?;
        for one in watched {
            one.watch(&mut watcher)?;
        }
        Ok(Self {
            changes,
            due: None,
            _watcher: watcher,
        })
    }

    /// Waits for a change. Whoever stops waiting and comes back later misses nothing, and does not wait longer for it.
    pub(crate) async fn changed(&mut self) {
        loop {
            let due = self.due;
            tokio::select! {
                Some(()) = self.changes.recv() => self.due = Some(Instant::now() + QUIET),
                () = at(due) => {
                    self.due = None;
                    return;
                }
            }
        }
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Waits for a change; for ever, if nothing is watched.
pub(crate) async fn changed(watcher: &mut Option<Watcher>) {
    match watcher {
        Some(watcher) => watcher.changed().await,
        None => std::future::pending().await,
    }
}

impl Watched {
    fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Directory(path) | Self::Tree(path) => path,
        }
    }

    fn is_touched_by(&self, changed: &Path) -> bool {
        let is_inside = match self {
            Self::File(_) => false,
            Self::Directory(directory) => is_document(changed) && changed.parent() == Some(directory),
            Self::Tree(directory) => has_known_ending(changed) && changed.starts_with(directory),
        };
        // A directory on the way to it that comes, goes or is renamed takes it along.
        is_inside || self.path().starts_with(changed)
    }

    fn watch(&self, watcher: &mut RecommendedWatcher) -> Result<(), Failure> {
        let (directory, mode) = match self {
            // Many editors save by renaming: a watch on the file itself would stay with the old one.
            Self::File(file) => (file.parent().unwrap_or(file), RecursiveMode::NonRecursive),
            Self::Directory(directory) => (directory.as_path(), RecursiveMode::NonRecursive),
            Self::Tree(directory) => (directory.as_path(), RecursiveMode::Recursive),
        };
        // What is not there yet is noticed when it comes.
        for ancestor in directory.ancestors() {
            let mode = if ancestor == directory {
                mode
            } else {
                RecursiveMode::NonRecursive
            };
            match watcher.watch(ancestor, mode) {
                Ok(()) => break,
                Err(_) if !ancestor.is_dir() => {}
                Err(error) => return Err(format!("{} cannot be watched: {error}", ancestor.display()).into()),
            }
        }
        Ok(())
    }
}

/// Also suites in the text format.
fn is_document(path: &Path) -> bool {
    has_known_ending(path) || is_text_format(&path.to_string_lossy())
}

fn has_known_ending(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|known| ending == *known))
}

#[cfg(test)]
mod tests {
    use super::Watched;
    use std::path::Path;

    #[test]
    fn a_change_counts_of_what_is_watched_and_of_what_leads_to_it() {
        let rows = [
            (Watched::File("/a/b/f".into()), "/a/b/f", true),
            (Watched::File("/a/b/f".into()), "/a/b", true),
            (Watched::File("/a/b/f".into()), "/a/b/g", false),
            (Watched::File("/a/b/f".into()), "/a/c", false),
            (Watched::Directory("/a".into()), "/a/f.yaml", true),
            (Watched::Directory("/a".into()), "/a/f.textpb", true),
            (Watched::Directory("/a".into()), "/a/f.txt", false),
            (Watched::Directory("/a".into()), "/a/b/f.yaml", false),
            (Watched::Directory("/a".into()), "/a", true),
            (Watched::Tree("/a".into()), "/a/b/f.json", true),
            (Watched::Tree("/a".into()), "/a/b/f", false),
            (Watched::Tree("/a/b".into()), "/a", true),
            (Watched::Tree("/a/b".into()), "/ab/f.yml", false),
        ];
        for (watched, changed, expected) in rows {
            assert_eq!(
                watched.is_touched_by(Path::new(changed)),
                expected,
                "{watched:?} {changed}"
            );
        }
    }
}
