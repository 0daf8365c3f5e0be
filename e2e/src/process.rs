use std::{
    collections::BTreeSet,
    fs::{self, File},
    os::fd::AsRawFd,
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

/// The first process of a container of a pod, on a node whose processes are this machine's, as on the local cluster.
pub struct Process(String);

impl Process {
    /// That of the container whose program is named `program`.
    pub fn of(pod: &Pod, program: &str) -> Result<Self> {
        let uid = pod.uid().context("a pod without uid")?;
        find(&uid, program).map(Self).with_context(|| format!("no process {program} of pod {uid}"))
    }

    /// Signal 9.
    pub fn kill(&self) -> Result<()> {
        self.signal("KILL")
    }

    /// Signal 1, at which servers read their configuration anew.
    pub fn hang_up(&self) -> Result<()> {
        self.signal("HUP")
    }

    /// The processes that it started and that still run.
    pub fn children(&self) -> Result<BTreeSet<String>> {
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.0))?;
        Ok(children.split_whitespace().map(Into::into).collect())
    }

    /// Takes the processor from it, until what is returned is dropped.
    pub fn freeze(&self) -> Result<Undo> {
        self.signal("STOP")?;
        let process = self.0.clone();
        Ok(Undo(Box::new(move || Self(process.clone()).signal("CONT"))))
    }

    /// Lets no packet of its network leave for `address`, until what is returned is dropped.
    pub fn cut_off(&self, address: &str) -> Result<Undo> {
        // Held open: the pod's network outlives a process that ends when it is cut off.
        let network = File::open(format!("/proc/{}/ns/net", self.0))?;
        let network_path = format!("--net=/proc/{}/fd/{}", std::process::id(), network.as_raw_fd());
        let address = address.to_owned();
        let route = move |verb: &str| {
            let _held = &network;
            run("nsenter", &[&network_path, "ip", "route", verb, "blackhole", &address])
        };
        route("add")?;
        Ok(Undo(Box::new(move || route("del"))))
    }

    fn signal(&self, signal: &str) -> Result<()> {
        run("kill", &["-s", signal, &self.0])
    }
}

/// What was done to a process ends with this.
pub struct Undo(Box<dyn Fn() -> Result<()> + Send>);

impl Drop for Undo {
    fn drop(&mut self) {
        // The process may be gone by now, and with it what was done to it.
        if let Err(error) = (self.0)() {
            eprintln!("{error:#}");
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let status =
        Command::new(program).args(arguments).status().with_context(|| format!("can't run {program}"))?;
    ensure!(status.success(), "{program} {}: {status}", arguments.join(" "));
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
        // Not the command line: nginx writes other words there.
        let file = fs::read_link(path.join("exe")).unwrap_or_default();
        let named = file.file_name().is_some_and(|name| name == program);
        if named && is_first(&path) && uids.iter().any(|uid| cgroups.contains(uid)) {
            return Ok(process.to_owned());
        }
    }
    bail!("not found in /proc")
}

/// Is its number 1 where it lives?
fn is_first(process: &Path) -> bool {
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    numbers.and_then(|numbers| numbers.split_whitespace().last()) == Some("1")
}
