//! Functions that are logged (contract 5.8.32).

use std::{
    any::type_name,
    borrow::Cow,
    fmt::{Debug, Display},
    future::Future,
    time::Instant,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::lines::Lines;
use crate::{
    config::Level,
    trace::{self, Kind, Span},
};

/// Stands for a value that is not shown.
const HIDDEN: &str = "(hidden)";

/// One call of a function, which becomes a line of the log and a span.
///
/// The message is `NAME is success`, or `NAME has error` at level ERROR. Fields:
///
/// | field | what |
/// |---|---|
/// | `category` | [as said](Self::category), else the name of the service (`logging.index`) |
/// | `fun_name` | the function |
/// | `detail` | [as said](Self::detail), else empty |
/// | `log_type` | [as said](Self::kind), else `method` |
/// | `description` | [as said](Self::description), else empty |
/// | `args`, `kwargs` | the arguments as JSON, in order and by name; the values are `(hidden)` unless `logging.args` is true, for they may be secrets |
/// | `start_time`, `end_time` | RFC 3339 in UTC |
/// | `duration` | seconds |
/// | `trace_id` | of the request's trace, if it is traced |
/// | `exception` | the error, if there was one |
///
/// The span has the function's name, the component `SERVICE-KIND` and the first five as tags (contract 5.7.28). A call
/// that is dropped before its end is no line.
///
/// ```
/// use chassis_telemetry::logging::Function;
///
/// async fn city(id: u64) -> Result<String, std::num::ParseIntError> {
///     Function::new("city").category("regions").arg("id", &id).run(async { Ok("Oslo".to_owned()) }).await
/// }
/// ```
#[derive(Debug)]
#[must_use = "a function is called by `run`"]
pub struct Function {
    name: &'static str,
    kind: &'static str,
    category: Option<&'static str>,
    detail: &'static str,
    description: Cow<'static, str>,
    tracing: bool,
    level: Level,
    args: Vec<(&'static str, Cow<'static, str>)>,
    show_args: bool,
}

impl Function {
    /// A call of `name`.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            kind: "method",
            category: None,
            detail: "",
            description: Cow::Borrowed(""),
            tracing: true,
            level: Level::Info,
            args: Vec::new(),
            show_args: Lines::current(|functions| functions.show_args).unwrap_or_default(),
        }
    }

    /// What it is, for example `route`. Default `method`.
    pub fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    /// What it belongs to. Default the name of the service.
    pub fn category(self, category: &'static str) -> Self {
        Self { category: Some(category), ..self }
    }

    /// More about it.
    pub fn detail(self, detail: &'static str) -> Self {
        Self { detail, ..self }
    }

    /// What it does. Default nothing, with [`logged!`](crate::logged) its doc comment.
    pub fn description(self, description: impl Into<Cow<'static, str>>) -> Self {
        Self { description: description.into(), ..self }
    }

    /// Whether it is a span of the request's trace. Default true.
    pub fn tracing(self, tracing: bool) -> Self {
        Self { tracing, ..self }
    }

    /// Of the line when all goes well. Default INFO.
    pub fn level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// An argument. Its value is looked at only if `logging.args` is true.
    pub fn arg(mut self, name: &'static str, value: &impl Debug) -> Self {
        let shown = if self.show_args {
            Cow::Owned(trace::bounded(&format_args!("{value:?}")))
        } else {
            Cow::Borrowed(HIDDEN)
        };
        self.args.push((name, shown));
        self
    }

    /// Does the work, and says so.
    pub async fn run<T, E: Display>(self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let app = trace::service().map(|name| name.to_string());
        let app = app.or_else(|| Lines::current(|functions| functions.app.clone())).unwrap_or_default();
        let mut span = self.span(&app);
        let (begun, clock) = (Timestamp::now(), Instant::now());
        let outcome = span.run(work).await;
        let took = clock.elapsed();
        if let Err(error) = &outcome {
            span.fail(short_name::<E>(), error);
        }
        drop(span);
        let ended = begun + SignedDuration::try_from(took).unwrap_or_default();
        let line = Line { function: &self, app: &app, begun, ended, duration: took.as_secs_f64() };
        match &outcome {
            Ok(_) => line.success(),
            Err(error) => line.failure(error),
        }
        outcome
    }

    fn args(&self) -> Value {
        self.args.iter().map(|(_, value)| &**value).collect()
    }

    fn kwargs(&self) -> Value {
        self.args.iter().map(|(name, value)| (*name, &**value)).collect()
    }

    fn span(&self, app: &str) -> Span {
        if !self.tracing {
            return Span::none();
        }
        let mut span = Span::begin(Kind::Local, self.name);
        if span.is_recorded() {
            span = span.component(format!("{app}-{}", self.kind));
            span.tag("category", self.category.unwrap_or(app));
            span.tag("fun_name", self.name);
            span.tag("detail", self.detail);
            span.tag("log_type", self.kind);
            span.tag("description", &self.description);
        }
        span
    }
}

/// `a::b::Error<x::Y>` -> `Error`
fn short_name<E>() -> &'static str {
    let path = type_name::<E>().split('<').next().unwrap_or_default();
    path.rsplit("::").next().unwrap_or_default()
}

struct Line<'c> {
    function: &'c Function,
    app: &'c str,
    begun: Timestamp,
    ended: Timestamp,
    duration: f64,
}

/// An event's level is fixed where it stands. Values are only made of an event that is written.
macro_rules! line {
    ($line:expr, $level:ident, $outcome:literal $(, $exception:ident)?) => {{
        let Line { function, app, begun, ended, duration } = $line;
        tracing::$level!(
            target: "function",
            category = function.category.unwrap_or(app),
            fun_name = function.name,
            detail = function.detail,
            log_type = function.kind,
            description = &*function.description,
            args = %function.args(),
            kwargs = %function.kwargs(),
            start_time = %begun,
            end_time = %ended,
            duration = *duration,
            trace_id = trace::current().map(|(trace, _)| trace.to_string()),
            $($exception = %$exception,)?
            "{} {}", function.name, $outcome
        )
    }};
}

impl Line<'_> {
    fn success(&self) {
        match self.function.level {
            Level::Debug => line!(self, debug, "is success"),
            Level::Info => line!(self, info, "is success"),
            Level::Warning => line!(self, warn, "is success"),
            Level::Error | Level::Critical => line!(self, error, "is success"),
        }
    }

    fn failure(&self, exception: &dyn Display) {
        line!(self, error, "has error", exception);
    }
}

/// Makes an async function that is [logged](crate::logging::Function) under its own name, with its doc comment as the
/// description and with all of its arguments, which have to be `Debug`. Options stand in brackets before it: the names
/// of `Function`'s methods.
///
/// ```
/// use chassis_http::answer::ServiceError;
/// use chassis_telemetry::{config::Level, logged};
///
/// logged! {
///     /// Finds a city.
///     [category = "regions", level = Level::Debug]
///     pub async fn city(id: u64) -> Result<String, ServiceError> {
///         if id == 0 {
///             return Err(ServiceError::NotFound);
///         }
///         Ok("Oslo".to_owned())
///     }
/// }
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// assert_eq!(city(1).await, Ok("Oslo".to_owned()));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[macro_export]
macro_rules! logged {
    (
        $(#[doc = $doc:literal])*
        [$($option:ident = $value:expr),* $(,)?]
        $visibility:vis async fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $output:ty $body:block
    ) => {
        $(#[doc = $doc])*
        $visibility async fn $name($($arg: $type),*) -> $output {
            let description = <[&str]>::join(&[$($doc.trim()),*], " ");
            let function = $crate::logging::Function::new(stringify!($name)).description(description);
            $(let function = function.$option($value);)*
            $(let function = function.arg(stringify!($arg), &$arg);)*
            function.run(async move $body).await
        }
    };
    ($(#[doc = $doc:literal])* $visibility:vis async fn $($rest:tt)*) => {
        $crate::logged! { $(#[doc = $doc])* [] $visibility async fn $($rest)* }
    };
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use chassis_config::{Reader, Sources, load};
    use chassis_http::answer::ServiceError;

    use super::*;
    use crate::{
        config::{Identity, Logging},
        logging,
    };

    logged! {
        /// Finds a city,
        /// or nothing.
        [category = "regions", detail = "by id", kind = "query", level = Level::Warning]
        async fn city(id: u64, token: &str) -> Result<u64, ServiceError> {
            if id == 0 { Err(ServiceError::NotFound) } else { Ok(id + token.len() as u64) }
        }
    }

    logged! {
        async fn plain() -> Result<(), ServiceError> {
            Ok(())
        }
    }

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines of calls, as Elasticsearch gets them.
    async fn lines(env: &[(&str, &str)]) -> Vec<Value> {
        let format = [("CHASSIS_LOGGING__FORMAT", "json-es"), ("CST_PROJECT_NAME", "user-service")];
        let sources = Sources::default().with_env(format).with_env(env.iter().copied());
        let read = |reader: &mut Reader| {
            let identity = Identity::read(reader);
            Logging::read(reader, &identity)
        };
        let config = load(&sources, read).unwrap().config;
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let logger = logging::subscriber(&config, move || writer.clone()).unwrap();
        let logger = tracing::subscriber::set_default(logger);
        assert_eq!(city(1, "4711").await, Ok(5));
        assert_eq!(city(0, "4711").await, Err(ServiceError::NotFound));
        assert_eq!(plain().await, Ok(()));
        drop(logger);
        let text = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// contract 5.8.32
    #[tokio::test]
    async fn a_call_is_a_line_with_all_that_is_known_of_it() {
        let lines = lines(&[]).await;
        let [good, bad, plain] = lines.as_slice() else { panic!("{lines:?}") };
        for (field, value) in [
            ("message", "city is success"),
            ("level", "WARNING"),
            ("category", "regions"),
            ("fun_name", "city"),
            ("detail", "by id"),
            ("log_type", "query"),
            ("description", "Finds a city, or nothing."),
            ("args", r#"["(hidden)","(hidden)"]"#),
            ("kwargs", r#"{"id":"(hidden)","token":"(hidden)"}"#),
        ] {
            assert_eq!(good[field], value, "{field}");
        }
        let time = |field: &str| good[field].as_str().unwrap().parse::<Timestamp>().unwrap();
        let took = (time("end_time") - time("start_time")).total(jiff::Unit::Second).unwrap();
        assert!((took - good["duration"].as_f64().unwrap()).abs() < 0.000_01, "{good}");
        assert!(good.get("exception").is_none() && good.get("trace_id").is_none(), "{good}");
        for (field, value) in [("message", "city has error"), ("level", "ERROR"), ("exception", "Not Found")]
        {
            assert_eq!(bad[field], value, "{field}");
        }
        for (field, value) in [
            ("level", "INFO"),
            ("category", "user-service"),
            ("log_type", "method"),
            ("description", ""),
            ("args", "[]"),
        ] {
            assert_eq!(plain[field], value, "{field}");
        }
    }

    /// contract 5.8.32
    #[tokio::test]
    async fn arguments_are_shown_only_where_somebody_wants_that() {
        let lines = lines(&[("CHASSIS_LOGGING__ARGS", "true")]).await;
        assert_eq!(lines[0]["args"], r#"["1","\"4711\""]"#);
        assert_eq!(lines[0]["kwargs"], r#"{"id":"1","token":"\"4711\""}"#);
    }

    #[test]
    fn an_error_s_name_has_no_path() {
        assert_eq!(short_name::<ServiceError>(), "ServiceError");
        assert_eq!(short_name::<Result<io::Error, ()>>(), "Result");
    }
}
