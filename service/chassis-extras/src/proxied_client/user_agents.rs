//! What requests say they come from.

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use http::HeaderValue;

use super::{UserAgentsError, file};

/// The list in use.
#[derive(Debug, Default)]
pub(super) struct UserAgents(RwLock<Arc<[HeaderValue]>>);

impl UserAgents {
    /// A small file of this machine, once at the start: read at once.
    pub(super) fn load(&self, path: &Path) -> Result<(), UserAgentsError> {
        let failed = |source| UserAgentsError::File { file: path.to_owned(), source };
        let text = std::fs::read(path).map_err(failed)?;
        self.set(parse(&text).ok_or_else(|| UserAgentsError::Empty { place: path.display().to_string() })?);
        Ok(())
    }

    /// Takes a newer list, and keeps it in `path`. What is in use stays when it cannot be used.
    pub(super) async fn update(
        &self,
        text: &[u8],
        place: &str,
        path: Option<&Path>,
    ) -> Result<usize, UserAgentsError> {
        let list = parse(text).ok_or_else(|| UserAgentsError::Empty { place: place.to_owned() })?;
        if let Some(path) = path {
            let failed = |source| UserAgentsError::Write { file: path.to_owned(), source };
            file::replace(path, text).await.map_err(failed)?;
        }
        let count = list.len();
        self.set(list);
        Ok(count)
    }

    /// One of them.
    pub(super) fn any(&self) -> Option<HeaderValue> {
        let list = self.0.read().unwrap_or_else(PoisonError::into_inner);
        fastrand::choice(list.iter()).cloned()
    }

    fn set(&self, list: Arc<[HeaderValue]>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = list;
    }
}

/// One in each line. `None` if there is none; a page in HTML is no list.
fn parse(text: &[u8]) -> Option<Arc<[HeaderValue]>> {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let wanted = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    let list: Option<Arc<[_]>> = wanted
        .map(|line| {
            let printable = !line.starts_with(b"<") && line.iter().all(|byte| (b' '..=b'~').contains(byte));
            printable.then(|| HeaderValue::from_bytes(line).ok()).flatten()
        })
        .collect();
    list.filter(|list| !list.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_one_in_each_line() {
        let list = parse(b"# browsers\r\nMozilla/5.0 (X11)\r\n\r\n  curl/8.0\n").unwrap();
        assert_eq!(*list, ["Mozilla/5.0 (X11)", "curl/8.0"].map(HeaderValue::from_static));
        for none in [&b""[..], b"\n# nothing\n", b"<!DOCTYPE html>\nMozilla/5.0", b"Mozilla/5.0\n\xff\xfe"] {
            assert_eq!(parse(none), None, "{:?}", String::from_utf8_lossy(none));
        }
    }
}
