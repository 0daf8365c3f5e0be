//! A span while it is open, and the task it is open in.

use std::{
    borrow::Cow,
    fmt::Display,
    future::Future,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::{Instant, SystemTime},
};

use http::{HeaderMap, Method, StatusCode};

use super::{
    ids::{SpanId, TraceId},
    kind::Kind,
    link::Link,
    propagation,
    record::{Record, bounded},
    tracer::Tracer,
};

tokio::task_local! {
    static CURRENT: Scope;
}

/// What a task is working on.
#[derive(Clone)]
struct Scope {
    tracer: Arc<Tracer>,
    link: Link,
    /// What handlers say of the request's own span; none when nobody will read it.
    notes: Option<Arc<Mutex<Notes>>>,
}

#[derive(Default)]
struct Notes {
    name: Option<Cow<'static, str>>,
    failure: Option<Failure>,
    tags: Vec<(Cow<'static, str>, String)>,
}

struct Failure {
    kind: Cow<'static, str>,
    message: String,
}

/// Work that takes time. It ends when dropped, finished or not. Outside of a traced request, and in one that is not
/// sampled, it is empty: nothing is allocated and no value is formatted.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct Span(Option<Box<Open>>);

#[derive(Debug)]
struct Open {
    tracer: Arc<Tracer>,
    link: Link,
    clock: Instant,
    record: Record,
}

impl Span {
    /// Begins a span inside of the current one. `name` is from a small set: what differs between two runs of the same
    /// work belongs into tags.
    pub fn begin(kind: Kind, name: impl Into<Cow<'static, str>>) -> Self {
        let begun = CURRENT.try_with(|scope| {
            let Scope { tracer, link, .. } = scope;
            link.sampled.then(|| {
                let inner = Link { span: SpanId::random(), ..link.clone() };
                Self::open(tracer, inner, Some(link.span), kind, name)
            })
        });
        begun.ok().flatten().unwrap_or(Self::none())
    }

    /// One that nobody sees.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    pub(super) fn open(
        tracer: &Arc<Tracer>,
        link: Link,
        parent: Option<SpanId>,
        kind: Kind,
        name: impl Into<Cow<'static, str>>,
    ) -> Self {
        if !link.sampled {
            return Self::none();
        }
        let record = Record {
            trace: link.trace,
            span: link.span,
            parent,
            name: name.into(),
            kind,
            component: tracer.service.to_string().into(),
            started: SystemTime::now(),
            took: std::time::Duration::ZERO,
            tags: Vec::with_capacity(8),
            failure: None,
        };
        Self(Some(Box::new(Open { tracer: Arc::clone(tracer), link, clock: Instant::now(), record })))
    }

    pub(super) fn rename(&mut self, name: impl Into<Cow<'static, str>>) {
        if let Some(open) = &mut self.0 {
            open.record.name = name.into();
        }
    }

    /// Whether anybody will see it: tags that cost something to find out can be left away else.
    pub fn is_recorded(&self) -> bool {
        self.0.is_some()
    }

    /// Whose work it is, for example `db-execute`; the service's own without this.
    pub fn component(mut self, component: impl Into<Cow<'static, str>>) -> Self {
        if let Some(open) = &mut self.0 {
            open.record.component = component.into();
        }
        self
    }

    /// Adds a tag; the value is cut after 4096 bytes. Never a secret.
    pub fn tag(&mut self, key: impl Into<Cow<'static, str>>, value: impl Display) {
        if let Some(open) = &mut self.0 {
            open.record.tags.push((key.into(), bounded(&value)));
        }
    }

    /// Marks it as failed (contract 5.7.27): `kind` names the class of the error, `message` says what happened.
    pub fn fail(&mut self, kind: impl Into<Cow<'static, str>>, message: impl Display) {
        if let Some(open) = &mut self.0 {
            let message = bounded(&message);
            open.record.tags.push(("error.kind".into(), kind.into().into_owned()));
            open.record.tags.push(("error.msg".into(), message.clone()));
            open.record.failure = Some(message);
        }
    }

    /// Runs `work` inside of this span: spans that begin there are its children.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let Some(open) = &self.0 else { return work.await };
        let Ok(scope) = CURRENT.try_with(|scope| Scope { link: open.link.clone(), ..scope.clone() }) else {
            return work.await;
        };
        CURRENT.scope(scope, work).await
    }

    /// Writes this span, or the current one, into the headers of a request to another service. Nothing outside of a
    /// traced request.
    pub fn inject(&self, headers: &mut HeaderMap) {
        if let Some(open) = &self.0 {
            return propagation::inject(&open.link, open.tracer.propagation, headers);
        }
        _ = CURRENT.try_with(|scope| propagation::inject(&scope.link, scope.tracer.propagation, headers));
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.record.took = self.clock.elapsed();
        let empty = Record {
            name: Cow::Borrowed(""),
            component: Cow::Borrowed(""),
            tags: Vec::new(),
            failure: None,
            ..self.record
        };
        self.tracer.finish(mem::replace(&mut self.record, empty));
    }
}

/// A request that came in, while it is answered.
pub struct Request {
    scope: Scope,
    span: Span,
    method: Method,
}

impl Request {
    pub(super) fn new(tracer: Arc<Tracer>, link: Link, span: Span, method: Method) -> Self {
        let notes = span.is_recorded().then(Arc::default);
        Self { scope: Scope { tracer, link, notes }, span, method }
    }

    /// Runs `work` as the request.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self.scope.clone(), work).await
    }

    /// Ends the span. `route` is the pattern of the path, for want of a name that the handler has given.
    pub fn end(mut self, status: StatusCode, route: Option<&str>) {
        let Some(notes) = self.scope.notes.take() else { return };
        let Notes { name, failure, tags } =
            mem::take(&mut *notes.lock().unwrap_or_else(PoisonError::into_inner));
        self.span.tag("http.status_code", status.as_u16());
        let method = &self.method;
        if let Some(name) = name.or_else(|| route.map(|route| format!("{method} {route}").into())) {
            self.span.rename(name);
        }
        for (key, value) in tags {
            self.span.tag(key, value);
        }
        match failure {
            Some(Failure { kind, message }) => {
                self.span.fail(kind, message);
                // What the client did wrong is told, but is no failure of the service.
                if let Some(open) = self.span.0.as_mut().filter(|_| !status.is_server_error()) {
                    open.record.failure = None;
                }
            }
            None if status.is_server_error() => {
                let reason = status.canonical_reason().unwrap_or("Unknown");
                self.span.fail(reason, reason);
            }
            None => {}
        }
    }
}

fn note(write: impl FnOnce(&mut Notes)) {
    _ = CURRENT.try_with(|scope| {
        if let Some(notes) = &scope.notes {
            write(&mut notes.lock().unwrap_or_else(PoisonError::into_inner));
        }
    });
}

/// Names the span of the request this task works on, for example `get_users`; else it is `GET /users`.
pub fn name(name: impl Into<Cow<'static, str>>) {
    note(|notes| notes.name = Some(name.into()));
}

/// Adds a tag to the span of the request.
pub fn tag(key: impl Into<Cow<'static, str>>, value: impl Display) {
    note(|notes| notes.tags.push((key.into(), bounded(&value))));
}

/// Marks the span of the request as failed; a status of 500 or more does so by itself, but knows no reason.
pub fn fail(kind: impl Into<Cow<'static, str>>, message: impl Display) {
    note(|notes| notes.failure = Some(Failure { kind: kind.into(), message: bounded(&message) }));
}

/// Tells the request's span of an error that is answered (contract 5.7.27), unless the handler has said more. Its kind
/// is the status in one word: `NotFound`.
pub fn refused(status: StatusCode, error: &dyn Display) {
    note(|notes| {
        notes.failure.get_or_insert_with(|| Failure {
            kind: status.canonical_reason().unwrap_or("Unknown").replace(' ', "").into(),
            message: bounded(error),
        });
    });
}

/// The trace and the span this task works on, `None` outside of a traced request. For log lines.
pub fn current() -> Option<(TraceId, SpanId)> {
    CURRENT.try_with(|scope| (scope.link.trace, scope.link.span)).ok()
}

/// The service whose request is traced.
pub(crate) fn service() -> Option<Arc<str>> {
    CURRENT.try_with(|scope| Arc::clone(&scope.tracer.service)).ok()
}

/// `work` as a part of the current trace wherever it runs: a task that is spawned knows nothing of the one that
/// spawns it.
pub fn carry<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let scope = CURRENT.try_with(Scope::clone).ok();
    async move {
        match scope {
            Some(scope) => CURRENT.scope(scope, work).await,
            None => work.await,
        }
    }
}
