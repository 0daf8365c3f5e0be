//! Keys of files of other conventions that say nothing to us.

use chassis_config::Reader;

/// Said for people, or for what works in another way here: a title (contract 1.5.27), a lock that is the system's now,
/// and the build, which each setting says for itself (contract 2.2.4).
const SILENT: &[&str] = &["title", "notifications.message_file_locked"];

/// Folders that paths began with (contract 2.2.10).
const FOLDERS: &[&str] = &["root_config_folder", "root_logs_folder"];

/// Variables of the documents that no key has: of the program itself, or made of others by `config print --format env`.
const VARIABLES: [(&str, &[&str]); 6] = [
    (
        "PYMICRO_",
        &[
            "PYMICRO_CONFIG",
            "PYMICRO_DATADIR",
            "PYMICRO_HOST",
            "PYMICRO_PORT",
            "PYMICRO_STATSD_HOST",
            "PYMICRO_STATSD_PORT",
        ],
    ),
    ("CST_", &[]),
    ("SANIC_", &["SANIC_CONFIG_MODULE", "SANIC_SETTINGS_MODULE"]),
    ("POSTGRES_SERVICE_", &[]),
    ("ACCESS_CONTROL_ALLOW_", &[]),
    ("logging_bulk_", &[]),
];

/// Variables of the documents that have no effect, with the reason.
const IN_VAIN: [(&str, &str); 4] = [
    ("PYMICRO_CALLABLE", "metrics.push decides what is served"),
    ("PYMICRO_WORKER_MAX_REQ", RECYCLED),
    ("PYMICRO_WORKER_MAX_LIFE", RECYCLED),
    ("PYMICRO_WORKER_MAX_RSS", RECYCLED),
];
const RECYCLED: &str = "workers are slots of one process, and none is recycled";

/// Accepts them. A variable that begins like these and means nothing is told.
pub(super) fn read(reader: &mut Reader) {
    for (prefix, others) in VARIABLES {
        reader.own(prefix, others);
    }
    for (name, reason) in IN_VAIN {
        reader.own(name, &[name]);
        if reader.variable(name).is_some() {
            reader.warn(format!("variable {name} ignored: {reason}"));
        }
    }
    for name in SILENT {
        reader.accept(name);
    }
    for name in FOLDERS {
        if reader.accept(name) {
            reader.warn(format!(
                "{name} in the file has no effect: write whole paths, for example in logging.file"
            ));
        }
    }
}
