//! What is logged of what clients send, whatever that is: each line of each format is one line, and can be read back as
//! what it claims to be. `make fuzz` runs it with more requests.

#![cfg(test)]

mod support;

use std::{collections::HashMap, fs::File, io::Read, ops::RangeInclusive, path::Path};

use chassis::config::{LogFormat, Value as _};
use fastrand::Rng;
use futures::future::join_all;
use serde_json::{Map, Value};
use support::{http::Connection, process::Process, until};

/// Characters of one request.
const AT_ONCE: usize = 3000;

/// A line as its format has it.
struct Line {
    /// Of the request that it is about.
    id: Option<String>,
    said: Said,
}

enum Said {
    /// The message and the fields.
    Text(String),
    Members(Map<String, Value>),
}

impl Said {
    /// Whether it is this message and nothing else.
    fn is(&self, message: &str) -> bool {
        match self {
            Self::Text(text) => text.starts_with(&message[..10]) && *text == harmless(message),
            Self::Members(members) => members["message"] == message,
        }
    }

    /// Whether it is a message with this field.
    fn has(&self, message: &str, field: &str, value: &str) -> bool {
        match self {
            Self::Text(text) => {
                let field = format!(" {field}={}", harmless(&Value::from(value).to_string()));
                text.starts_with(message) && text.contains(&field)
            }
            Self::Members(members) => members["message"] == message && members[field] == value,
        }
    }
}

/// Whether nothing in it ends a line for anybody, or steers a terminal. By bytes, for there are many of them.
fn is_one_line(line: &[u8]) -> bool {
    let mut before = [0, 0];
    for byte in line.iter().copied() {
        match (before, byte) {
            (_, 0..b' ' | 0x7f) | ([_, 0xc2], 0x80..=0x9f) | ([0xe2, 0x80], 0xa8 | 0xa9) => return false,
            _ => before = [before[1], byte],
        }
    }
    true
}

/// What the lines for people have in the place of what ends a line or steers a terminal.
fn harmless(text: &str) -> String {
    let mut harmless = String::new();
    for c in text.chars() {
        if c.is_control() || c == '\u{2028}' || c == '\u{2029}' {
            harmless.extend(c.escape_default());
        } else {
            harmless.push(c);
        }
    }
    harmless
}

/// `None` for what is no line of the format.
fn parse(format: &str, line: &str) -> Option<Line> {
    if !is_one_line(line.as_bytes()) {
        return None;
    }
    match format {
        "cst" => {
            let (level, rest) = time(line)?.strip_prefix(" [")?.split_once("][")?;
            let (id, rest) = rest.split_once("] ")?;
            let (logger, said) = rest.split_once(": ")?;
            (is_level(level) && !logger.contains(' '))
                .then_some(Line { id: known(id), said: Said::Text(said.to_owned()) })
        }
        "pymicro" => {
            let (_thread, rest) = time(line)?.strip_prefix("-[")?.split_once("][")?;
            let (number, rest) = rest.split_once("]-")?;
            u64::from_str_radix(number, 16).ok()?;
            let (place, rest) = rest.split_once(": ")?;
            let [file, _logger, _module, level, number] =
                place.split('-').collect::<Vec<_>>().try_into().ok()?;
            number.parse::<u32>().ok()?;
            let (said, id) = rest.strip_suffix('"')?.rsplit_once(" operation_id=\"")?;
            (is_level(level) && file.contains(".rs"))
                .then_some(Line { id: known(id), said: Said::Text(said.to_owned()) })
        }
        "brief" => {
            let (level, rest) = line.split_once(" - ")?;
            let with_id = rest.strip_suffix('"').and_then(|rest| rest.rsplit_once(" operation_id=\""));
            let (said, id) = with_id.map_or((rest, None), |(said, id)| (said, known(id)));
            is_level(level).then_some(Line { id, said: Said::Text(said.to_owned()) })
        }
        "json-dev" | "json-prod" | "json-es" => {
            let members: Map<String, Value> = serde_json::from_str(line).ok()?;
            let (id, level, all_texts) = match format {
                "json-dev" => ("operationId", "levelName", false),
                "json-prod" => ("operationId", "levelName", true),
                _ => ("operation_id", "level", false),
            };
            let texts = !all_texts || members.values().all(Value::is_string);
            let id = known(members.get(id)?.as_str()?);
            (texts && is_level(members.get(level)?.as_str()?))
                .then_some(Line { id, said: Said::Members(members) })
        }
        other => panic!("say here how {other} is read"),
    }
}

/// What follows the time.
fn time(line: &str) -> Option<&str> {
    let (time, rest) = line.split_at_checked(23)?;
    let digits = |c: char| if c.is_ascii_digit() { '0' } else { c };
    (time.chars().map(digits).collect::<String>() == "0000-00-00 00:00:00,000").then_some(rest)
}

fn is_level(level: &str) -> bool {
    ["DEBUG", "INFO", "WARNING", "ERROR"].contains(&level)
}

fn known(id: &str) -> Option<String> {
    (id != "No operation_id").then(|| id.to_owned())
}

/// The log file, as far as it was read.
struct Log {
    format: String,
    file: File,
    bytes: Vec<u8>,
}

impl Log {
    fn open(format: &str, path: &Path) -> Self {
        Self { format: format.to_owned(), file: File::open(path).unwrap(), bytes: Vec::new() }
    }

    /// Waits for what is said of a request: more is not sent until there is room for it.
    async fn tells_of(&mut self, id: &str) {
        let mut seen = self.bytes.len();
        until(true, async || {
            self.file.read_to_end(&mut self.bytes).unwrap();
            let found = String::from_utf8_lossy(&self.bytes[seen..]).contains(id);
            seen = self.bytes.len().saturating_sub(id.len());
            found
        })
        .await;
    }

    /// All lines, by the requests that they are about.
    fn lines(mut self) -> HashMap<String, Vec<Said>> {
        self.file.read_to_end(&mut self.bytes).unwrap();
        let text = std::str::from_utf8(&self.bytes).unwrap();
        let mut lines: HashMap<_, Vec<_>> = HashMap::new();
        for line in text.strip_suffix('\n').unwrap().split('\n') {
            let Line { id, said } =
                parse(&self.format, line).unwrap_or_else(|| panic!("no line of {}: {line}", self.format));
            lines.entry(id.unwrap_or_default()).or_default().push(said);
        }
        lines
    }
}

/// A path that names `text`: with escapes where HTTP asks for them, else as it is.
fn path_of(text: &str) -> String {
    let mut path = "/simple/".to_owned();
    for c in text.chars() {
        match c {
            '\0'..='\x7f' if !c.is_ascii_alphanumeric() => {
                path.extend(["%", &format!("{:02X}", u32::from(c))]);
            }
            c => path.push(c),
        }
    }
    path
}

async fn ask(connection: &mut Connection, path: &str) -> String {
    connection.send(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
    let answer = connection.answer().await;
    assert_eq!(answer.status, 200);
    answer.header("x-operation-id").unwrap().to_owned()
}

/// What has broken other programs' logs.
const NASTY: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"'",
    b"{",
    b"}",
    b" ",
    b"=",
    b"%",
    b"\t",
    b"\x7f",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\xe2\x80\xa9",
    b"\xef\xbb\xbf",
    b"\xef\xbf\xbe",
    b"\xf4\x8f\xbf\xbf",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xe2\x80\xae",
    b"\\u0000",
    b"\\x1b",
    b"%00",
    b"%0A",
    b"%0d%0a",
    b"%1B[2J",
    b"%C2%9B",
    b"%E2%80%A8",
    b"%FF",
    b"%zz",
    b"${jndi:x}",
    b"%0A2026-01-31 12:00:00,000 [ERROR][No operation_id] forged: line",
    b"\",\"level\":\"ERROR\"",
];

fn nasty(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rng.usize(0..40) {
        match rng.u8(0..3) {
            0 => bytes.extend_from_slice(rng.choice(NASTY).unwrap()),
            1 => bytes.extend_from_slice(rng.char(..).to_string().as_bytes()),
            _ => bytes.push(rng.u8(..)),
        }
    }
    bytes
}

/// Any request; most of it is taken for one.
fn request(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What HTTP has no room for is refused before anything is logged: that is for a few of them.
    let part = |rng: &mut Rng| {
        let mut part = nasty(rng);
        let anything = rng.u8(..) == 0;
        part.retain(|byte| anything || matches!(byte, b'\t' | b' '..=b'~' | 0x80..));
        part
    };
    let word = |rng: &mut Rng| {
        let mut word = String::from_utf8_lossy(&part(rng)).into_owned();
        word.retain(|c| c > ' ');
        word.into_bytes()
    };
    let body = if rng.bool() {
        let [name, value] =
            [nasty(rng), nasty(rng)].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        serde_json::json!({ name: value, "message": value }).to_string().into_bytes()
    } else {
        nasty(rng)
    };
    let (method, path) = *rng
        .choice(&[
            ("GET", "/simple/"),
            ("GET", "/"),
            ("GET", "/fibonacci/list?count="),
            ("GET", "/users/"),
            ("POST", "/microservice?"),
            ("POST", "/"),
            ("PUT", "/simple/"),
        ])
        .unwrap();
    bytes.extend([method.as_bytes(), b" ", path.as_bytes(), &word(rng), b" HTTP/1.1\r\nhost: x"].concat());
    for name in
        ["apitrace", "x-operation-id", "traceparent", "user-agent", "x-forwarded-host", "authorization"]
    {
        bytes.extend([b"\r\n", name.as_bytes(), b": ", &part(rng)].concat());
    }
    bytes.extend(format!("\r\ncontent-length: {}\r\n\r\n", body.len()).bytes());
    bytes.extend(body);
    bytes
}

/// What has been sent, and what is said of it.
struct Fuzzed {
    log: Log,
    /// The id, the text and the path of requests that name a text.
    sent: Vec<(String, String, String)>,
    /// The ids of others.
    answered: Vec<String>,
}

impl Fuzzed {
    fn check(self) {
        let Self { log, sent, answered } = self;
        let format = log.format.clone();
        let lines = log.lines();
        for (id, text, path) in sent {
            let lines = &lines[&id];
            let said = format!("I received a GET request for {text}");
            assert_eq!(lines.iter().filter(|line| line.is(&said)).count(), 1, "{format}: {text}");
            let paths = lines.iter().filter(|line| line.has("request", "path", &path));
            assert_eq!(paths.count(), 1, "{format}: {path}");
        }
        for id in answered {
            assert!(lines.contains_key(&id), "{format}: {id}");
        }
    }
}

/// Texts of all `characters`, and then `requests` of any kind.
async fn fuzz(format: &str, characters: &[char], requests: usize, mut rng: Rng) -> Fuzzed {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("service.log");
    let file = path.display();
    let mut process = Process::start(&format!(
        "logging: {{format: {format}, level: DEBUG, file: {file}, file_format: {format}, file_size: 4Gi}}\n\
         tracing: {{log: true}}"
    ))
    .await;
    let mut log = Log::open(format, &path);
    let mut connection = Connection::open(process.service).await;
    let mut sent = Vec::new();
    for characters in characters.chunks(AT_ONCE) {
        let text: String = characters.iter().collect();
        let path = path_of(&text);
        let id = ask(&mut connection, &path).await;
        log.tells_of(&id).await;
        sent.push((id, text, path));
    }
    drop(connection);
    let mut answered = Vec::new();
    for _ in 0..requests {
        let mut connection = Connection::open(process.service).await;
        connection.send(request(&mut rng)).await;
        let answer = connection.answer().await;
        assert!(answer.status < 500 || answer.status == 502, "{answer:?}");
        // Others are no requests at all.
        if let Some(id) = answer.header("x-operation-id") {
            log.tells_of(id).await;
            answered.push(id.to_owned());
        }
    }
    assert!(answered.len() >= requests / 4, "only {} of {requests} were requests", answered.len());
    process.signal("TERM").await;
    for line in process.rest().await {
        assert!(parse(format, &line).is_some(), "no line of {format} on standard output: {line}");
    }
    assert_eq!(process.exit_code().await, Some(0));
    Fuzzed { log, sent, answered }
}

/// Sends `characters` and `requests` to a service for each format, and reads back what they log.
async fn read_back(characters: RangeInclusive<char>, requests: usize) {
    let characters: Vec<_> = characters.collect();
    let seed = std::env::var("SEED").unwrap_or_else(|_| fastrand::u64(..).to_string());
    println!("SEED={seed}");
    let rng = Rng::with_seed(seed.bytes().fold(0, |sum, byte| u64::wrapping_mul(sum, 31) ^ u64::from(byte)));
    let formats: Vec<_> =
        LogFormat::WRITE.split([',', ' ']).filter(|word| !["", "or"].contains(word)).collect();
    assert_eq!(formats.len(), 6, "{formats:?}");
    let fuzzed = formats.into_iter().map(|format| fuzz(format, &characters, requests, rng.clone()));
    join_all(fuzzed).await.into_iter().for_each(Fuzzed::check);
}

#[tokio::test]
async fn what_clients_send_is_one_line_in_each_format_and_can_be_read_back() {
    read_back('\0'..='\u{2fff}', 200).await;
}

/// `make fuzz`
#[tokio::test]
#[ignore = "a million characters"]
async fn whatever_clients_send_is_one_line_in_each_format_and_can_be_read_back() {
    read_back('\0'..=char::MAX, std::env::var("REQUESTS").map_or(5000, |requests| requests.parse().unwrap()))
        .await;
}
