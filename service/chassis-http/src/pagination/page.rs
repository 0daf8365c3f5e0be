//! One page of a list.

use std::future::Future;

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{StatusCode, request::Parts},
};
use chassis_config::Count;
use serde_json::json;

use super::{links, parameter};
use crate::{
    answer::{Data, Failure, ServiceError},
    origin::Origin,
};

/// A page may be this many times longer than the default (contract 4.4.22).
const LONGEST: u32 = 4;

/// How long pages are: part of a handler's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paging {
    size: Count,
}

impl Paging {
    /// Pages of `size` items by default (`api.page_size`), and of four times as many at most.
    pub const fn new(size: Count) -> Self {
        Self { size }
    }

    /// Items of the longest page.
    pub const fn longest(self) -> u32 {
        LONGEST * self.size.get()
    }
}

/// The page that a request asks for. A handler that takes one refuses bad parameters with a 400 that names each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    offset: i64,
    limit: i64,
    origin: Origin,
    path: String,
    query: String,
}

impl Page {
    /// Items before the page.
    pub const fn offset(&self) -> i64 {
        self.offset
    }

    /// Items of the page, at least 1.
    pub const fn limit(&self) -> i64 {
        self.limit
    }

    /// Reads the page from `source`, which is asked for one item more than is shown, to know whether there is a next
    /// page. It gets how many items to skip and how many to return at most, and has to have a total order.
    ///
    /// The answer has `pagination: {"next": url or null, "prev": url or null}` beside the data.
    pub async fn read<T, E, F>(self, source: impl FnOnce(i64, i64) -> F) -> Result<Data<Vec<T>>, E>
    where
        T: serde::Serialize,
        F: Future<Output = Result<Vec<T>, E>>,
    {
        let mut items = source(self.offset, self.limit.saturating_add(1)).await?;
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = items.len() > shown;
        items.truncate(shown);
        let next = more.then(|| self.link(self.offset.saturating_add(self.limit)));
        let prev = (self.offset > 0).then(|| self.link((self.offset - self.limit).max(0)));
        Ok(Data::new(items).meta("pagination", json!({ "next": next, "prev": prev })))
    }

    fn link(&self, offset: i64) -> String {
        let mut path = String::with_capacity(self.path.len());
        links::escape(&self.path, &mut path);
        self.origin.url(&format!("{path}?{}", links::query(&self.query, offset, self.limit)))
    }

    fn of(parts: &Parts, paging: Paging) -> Result<Self, Failure> {
        let (size, longest) = (i64::from(paging.size.get()), i64::from(paging.longest()));
        let query = parts.uri.query().unwrap_or_default();
        let offset = parameter::number(query, "offset", |_| true);
        let limit = parameter::number(query, "limit", |limit| (1..=longest).contains(&limit));
        match (offset, limit) {
            (Ok(offset), Ok(limit)) => Ok(Self {
                offset: offset.unwrap_or(0),
                limit: limit.unwrap_or(size),
                origin: Origin::of(&parts.headers),
                path: parts.uri.path().to_owned(),
                query: query.to_owned(),
            }),
            (offset, limit) => {
                let faults = [offset.err(), limit.err()].into_iter().flatten();
                Err(faults.fold(Failure::new(StatusCode::BAD_REQUEST), Failure::fault))
            }
        }
    }
}

impl<S> FromRequestParts<S> for Page
where
    Paging: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ServiceError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ServiceError> {
        Ok(Self::of(parts, Paging::from_ref(state))?)
    }
}
