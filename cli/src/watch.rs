//! Notices that files have changed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use crate::failure::Failure;

/// Editors write a file in several steps: a change counts when nothing has happened for so long.
const QUIET: Duration = Duration::from_millis(150);

pub(crate) struct Watcher {
    changes: UnboundedReceiver<()>,
    /// When a change counts that has been noticed and not told yet.
    due: Option<Instant>,
    /// Watches as long as it lives.
    _watcher: RecommendedWatcher,
}

impl Watcher {
    /// Watches files, and what is YAML or JSON in directories. All of them as absolute paths.
    pub(crate) fn new(files: Vec<PathBuf>) -> Result<Self, Failure> {
        let (sender, changes) = unbounded_channel();
        let of_interest = files.clone();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            let is_reading = matches!(event.kind, EventKind::Access(_));
            let mut paths = event.paths.iter();
            if !is_reading && paths.any(|path| is_manifest(path, &of_interest)) {
                // The receiver lives as long as this watcher.
                sender.send(()).ok();
            }
        })?;
        for file in files {
            let (watched, mode) = if file.is_dir() {
                (file.as_path(), RecursiveMode::Recursive)
            } else {
                // Many editors save by renaming: a watch on the file itself would stay with the old one.
                (file.parent().unwrap_or(Path::new(".")), RecursiveMode::NonRecursive)
            };
            watcher
                .watch(watched, mode)
                .map_err(|error| format!("{} cannot be watched: {error}", watched.display()))?;
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

fn is_manifest(path: &Path, files: &[PathBuf]) -> bool {
    let has_ending = path
        .extension()
        .is_some_and(|ending| ["yaml", "yml", "json"].iter().any(|known| ending == *known));
    files
        .iter()
        .any(|file| path == file || (has_ending && path.starts_with(file)))
}
