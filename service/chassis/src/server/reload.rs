//! Applies changes of the configuration file while the service runs.
//!
//! The directory is watched, not the file: editors rename a new file over the old one, and Kubernetes replaces the
//! symlink `..data` beside it; a watch on the file would stay with the old one. Events only say "look again";
//! what counts is whether the effective configuration differs. SIGHUP says the same, as to uwsgi and gunicorn.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chassis_config::{ConfigError, Settings};
use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode},
};
use tokio::{signal::unix::Signal, sync::Notify, task::JoinHandle, time::sleep};

use super::workers::{Size, Workers};

/// A plain rewrite is several events, and the file is incomplete between them.
const SETTLE: Duration = Duration::from_millis(50);

/// The part of a configuration that a reload looks at.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Everything, to name what has changed.
    pub settings: Settings,
    /// What takes effect at once.
    pub size: Size,
}

/// Reads all layers again.
pub type Load = Box<dyn Fn() -> Result<Snapshot, ConfigError> + Send>;

/// Watches until dropped.
#[derive(Debug)]
pub struct Reload {
    _watcher: Option<RecommendedWatcher>,
    task: JoinHandle<()>,
}

impl Drop for Reload {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Watches the directory of `file` and waits for `hangup`, and applies to `workers` what `load` then says. `started` is the
/// configuration that is in force. A service that cannot watch its file is still a service. Has to be called inside a
/// tokio runtime.
pub fn watch(
    file: Option<&Path>,
    mut hangup: Signal,
    workers: Arc<Workers>,
    started: Snapshot,
    load: Load,
) -> Reload {
    let changed = Arc::new(Notify::new());
    let watcher = file.and_then(|file| {
        let failed = |error: &_| {
            tracing::warn!(
                "{} is not watched, its changes need SIGHUP or a restart: {error}",
                file.display()
            );
        };
        watcher(file, &changed).inspect_err(failed).ok()
    });
    // From here on no change goes unseen; one between the start and now is found by the first look.
    changed.notify_one();
    let mut applied = Applied { workers, seen: started.clone(), started };
    let task = tokio::spawn(async move {
        loop {
            tokio::select! {
                () = changed.notified() => {}
                _ = hangup.recv() => tracing::info!("SIGHUP: the configuration is read again"),
            }
            sleep(SETTLE).await;
            applied.look(load());
        }
    });
    Reload { _watcher: watcher, task }
}

fn watcher(file: &Path, changed: &Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let tell = Arc::clone(changed);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // An error may mean lost events, so it is a reason to look as well.
        if event.is_ok_and(|event| is_only_read(event.kind)) {
            return;
        }
        tell.notify_one();
    })?;
    watcher.watch(&directory_of(file), RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

fn directory_of(file: &Path) -> PathBuf {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    directory.unwrap_or(Path::new(".")).to_owned()
}

/// Our own look at the file is an event, too.
fn is_only_read(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

struct Applied {
    workers: Arc<Workers>,
    started: Snapshot,
    seen: Snapshot,
}

impl Applied {
    fn look(&mut self, loaded: Result<Snapshot, ConfigError>) {
        let new = match loaded {
            Ok(new) => new,
            Err(error) => {
                return tracing::error!("the new configuration is not used, the old one stays: {error}");
            }
        };
        for (key, setting) in self.seen.settings.changed(&new.settings) {
            let value = &setting.value;
            if setting.live {
                tracing::info!("{key} is now {value}");
            } else if self.started.settings.get(key).is_some_and(|running| running.value == *value) {
                tracing::info!("{key} is {value} again, as it has been running");
            } else {
                tracing::warn!("{key} = {value} needs a restart to take effect");
            }
        }
        if new.size != self.seen.size {
            self.workers.resize(new.size);
        }
        self.seen = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_file_name_is_in_the_current_directory() {
        assert_eq!(directory_of(Path::new("service.yaml")), Path::new("."));
        assert_eq!(directory_of(Path::new("/etc/x/service.yaml")), Path::new("/etc/x"));
    }
}
