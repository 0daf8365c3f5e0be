use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// Kills the process of a pod whose program is named `program` with signal 9. Only where the node's
/// processes are this machine's, as on the local cluster.
pub fn kill_container_process(pod: &Pod, program: &str) -> Result<()> {
    let uid = pod.uid().context("a pod without uid")?;
    let process = find(&uid, program).with_context(|| format!("no process {program} of pod {uid}"))?;
    let status = Command::new("kill").args(["-9", &process]).status()?;
    ensure!(status.success(), "kill -9 {process}: {status}");
    Ok(())
}

/// A process belongs to a pod if its cgroup has the pod's uid in its path.
fn find(uid: &str, program: &str) -> Result<String> {
    // systemd's cgroup driver writes the uid with underscores.
    let uids = [uid.to_owned(), uid.replace('-', "_")];
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let Some(process) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if !process.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        // A process may end while we look.
        let cgroups = fs::read_to_string(path.join("cgroup")).unwrap_or_default();
        let command = fs::read(path.join("cmdline")).unwrap_or_default();
        let command =
            String::from_utf8_lossy(command.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned();
        let named = Path::new(&command).file_name().is_some_and(|name| name == program);
        if named && uids.iter().any(|uid| cgroups.contains(uid)) {
            return Ok(process.to_owned());
        }
    }
    bail!("not found in /proc")
}
