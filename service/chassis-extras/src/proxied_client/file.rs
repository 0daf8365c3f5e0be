//! Files that are there whole or not at all.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use tokio::fs;

/// Writes `bytes` to `path`; whoever reads it meanwhile has what was there before.
pub(super) async fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = OsString::from(path);
    name.push(format!(".{:016x}", fastrand::u64(..)));
    let new = PathBuf::from(name);
    let written = match fs::write(&new, bytes).await {
        Ok(()) => fs::rename(&new, path).await,
        failed => failed,
    };
    if written.is_err() {
        _ = fs::remove_file(&new).await;
    }
    written
}
