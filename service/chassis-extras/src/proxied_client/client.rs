//! The client.

use std::{
    fmt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use chassis_client::Answer;
use chassis_http::error_chain::chain;
use chassis_wire::{Wire, wire};
use http::{HeaderMap, Method, StatusCode, header};
use tokio::time::{sleep, timeout};
use url::Url;

use super::{
    Away, DownloadError, GetError, OpenError, UserAgentsError,
    config::{Fallback, Proxy, SocksProxy},
    exchange::{self, Failure, Proxied, Way},
    file,
    identity::{Identities, Lease},
    url::parse,
    user_agents::UserAgents,
};

/// Asks strangers through the proxy. Cheap to clone; all clones share identities and connections.
#[derive(Clone)]
pub struct ProxiedClient(Arc<Shared>);

struct Shared {
    config: Proxy,
    proxy: SocksProxy,
    identities: Identities<Proxied>,
    /// For `proxy.fallback: warn`.
    direct: Option<Wire>,
    user_agents: UserAgents,
    /// Whether it was said that the proxy is away: once, not for each request.
    away: AtomicBool,
}

impl ProxiedClient {
    /// Reads the list of user agents, and looks whether the proxy is there (contract 2.5.30): if not, that is a warning
    /// or, with `proxy.fallback: strict`, an error. A list that is missing is an error unless
    /// [`get_missing_user_agents`](Self::get_missing_user_agents) can get it.
    pub async fn open(config: &Proxy) -> Result<Self, OpenError> {
        let proxy = config.socks_url.clone().ok_or(OpenError::NotConfigured)?;
        let connect = config.connect_timeout.0;
        let (of, page) = (proxy.clone(), http::Uri::from_static("https://any"));
        let shared = Shared {
            identities: Identities::new(config.rotate_every.get(), move || exchange::identity(&of, connect))?,
            direct: (config.fallback == Fallback::Warn).then(|| wire(&page, connect, 0)).transpose()?,
            user_agents: UserAgents::default(),
            away: AtomicBool::new(false),
            config: config.clone(),
            proxy,
        };
        let client = Self(Arc::new(shared));
        match client.check().await {
            Ok(()) => {}
            Err(away) if config.fallback == Fallback::Strict => return Err(away.into()),
            Err(away) => client.warn(&away),
        }
        if let Some(path) = &config.user_agents_file {
            match client.0.user_agents.load(path) {
                Err(error) if config.user_agents_url.is_some() => tracing::info!("{}", chain(&error)),
                loaded => loaded?,
            }
        }
        Ok(client)
    }

    /// Whether [`open`](Self::open) finds the list of user agents that it needs.
    pub fn check_files(config: &Proxy) -> Result<(), OpenError> {
        match &config.user_agents_file {
            Some(path) if config.socks_url.is_some() && config.user_agents_url.is_none() => {
                Ok(UserAgents::default().load(path)?)
            }
            _ => Ok(()),
        }
    }

    /// Whether the proxy is there: a SOCKS5 greeting, nothing is asked through it.
    pub async fn check(&self) -> Result<(), Away> {
        exchange::check(&self.0.proxy, self.0.config.connect_timeout.0).await
    }

    /// A page (contract 2.5.28), each try within `limit` or `proxy.timeout`.
    ///
    /// Tried `proxy.attempts` times: after 400 or more at once again, after another status than 200 with a new identity
    /// and after a pause, after a failure after a pause; a 404 is final. A page that came is handed out after a pause as
    /// well, so that one after the other asks no server too fast. Redirects are followed. An answer that is no page is
    /// the last one that came.
    pub async fn get(
        &self,
        url: &str,
        headers: &HeaderMap,
        limit: Option<Duration>,
    ) -> Result<Answer, GetError> {
        let page = parse(url).ok_or_else(|| GetError::Url(url.to_owned()))?;
        let mut attempts_left = self.0.config.attempts.get();
        loop {
            attempts_left -= 1;
            let (outcome, lease) = self.attempt(&Method::GET, &page, headers, limit).await;
            let outcome = match outcome {
                Ok(answer) if answer.status() == StatusCode::OK => {
                    self.pause().await;
                    return Ok(answer);
                }
                Ok(answer) => match answer.status() {
                    StatusCode::NOT_FOUND => return Err(GetError::NotFound),
                    status if status.as_u16() >= 400 => Err(GetError::NoData(status)),
                    _ => Ok(answer),
                },
                Err(error @ (GetError::Url(_) | GetError::TooLarge { .. })) => return Err(error),
                failed => failed,
            };
            match &outcome {
                Ok(answer) => tracing::info!("status {} for {url}, trying another identity", answer.status()),
                Err(error) => tracing::info!("{error}"),
            }
            if attempts_left == 0 {
                return outcome;
            }
            if let (Ok(_), Some(lease)) = (&outcome, &lease) {
                self.renew(lease);
            }
            if !matches!(outcome, Err(GetError::NoData(_))) {
                self.pause().await;
            }
        }
    }

    /// Writes a page to `path`, whole or not at all (contract 2.5.29).
    pub async fn download(&self, url: &str, path: &Path) -> Result<(), DownloadError> {
        let answer = self.get(url, &HeaderMap::new(), None).await?;
        if answer.status() != StatusCode::OK {
            return Err(DownloadError::Status { url: url.to_owned(), status: answer.status() });
        }
        let failed = |source| DownloadError::File { path: path.to_owned(), source };
        file::replace(path, answer.body()).await.map_err(failed)
    }

    /// Whether HEAD of `url` is a 200 (contract 2.5.29): through the proxy, once.
    pub async fn exists(&self, url: &str) -> Result<bool, GetError> {
        let page = parse(url).ok_or_else(|| GetError::Url(url.to_owned()))?;
        let (outcome, _) = self.attempt(&Method::HEAD, &page, &HeaderMap::new(), None).await;
        Ok(outcome?.status() == StatusCode::OK)
    }

    /// The address that others see, as the page `proxy.ip_url` says (contract 2.5.29).
    pub async fn ip_address(&self) -> Result<String, GetError> {
        let url = self.0.config.ip_url.as_ref().map(|page| page.uri().to_string()).unwrap_or_default();
        let answer = self.get(&url, &HeaderMap::new(), None).await?;
        Ok(String::from_utf8_lossy(answer.body()).trim().to_owned())
    }

    /// Gets the list of user agents of `proxy.user_agents_url` anew, and keeps it in `proxy.user_agents_file`. How many
    /// there are now; nothing changes when it fails, or when there is no such URL.
    pub async fn update_user_agents(&self) -> Result<usize, UserAgentsError> {
        let Proxy { user_agents_url, user_agents_file, .. } = &self.0.config;
        let Some(url) = user_agents_url.as_ref().map(|page| page.uri().to_string()) else { return Ok(0) };
        let answer = self.get(&url, &HeaderMap::new(), None).await?;
        self.0.user_agents.update(answer.body(), &url, user_agents_file.as_deref()).await
    }

    /// Gets the list of user agents of `proxy.user_agents_url` unless there is one.
    pub async fn get_missing_user_agents(&self) {
        if self.0.config.user_agents_url.is_some() && self.0.user_agents.any().is_none() {
            self.update_or_warn().await;
        }
    }

    /// Gets the list of user agents when it is missing, and anew every `proxy.user_agents_interval`, for ever; ends at
    /// once when there is no `proxy.user_agents_url`. To be spawned.
    pub async fn keep_user_agents_fresh(self) {
        self.get_missing_user_agents().await;
        while self.0.config.user_agents_url.is_some() {
            sleep(self.0.config.user_agents_interval.0).await;
            self.update_or_warn().await;
        }
    }

    async fn update_or_warn(&self) {
        match self.update_user_agents().await {
            Ok(count) => tracing::info!("the list of user agents is new, it has {count}"),
            Err(error) => {
                tracing::warn!("the list of user agents stays as it is: {}", chain(&error));
            }
        }
    }

    /// One request of one identity.
    async fn attempt(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        limit: Option<Duration>,
    ) -> (Result<Answer, GetError>, Option<Lease<Proxied>>) {
        let Shared { config, user_agents, identities, .. } = &*self.0;
        let mut headers = headers.clone();
        if let (false, Some(agent)) = (headers.contains_key(header::USER_AGENT), user_agents.any()) {
            headers.insert(header::USER_AGENT, agent);
        }
        let refused = |reason| GetError::Refused { url: url.to_string(), reason };
        let lease = match identities.lease() {
            Ok(lease) => lease,
            Err(error) => return (Err(refused(chain(&error))), None),
        };
        let limit = limit.unwrap_or(config.timeout.0);
        let way = Way::Proxied(lease.identity.clone());
        let asked = timeout(limit, self.ask(&way, method, url, &headers)).await;
        let outcome = match asked {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(failure)) => Err(match failure {
                Failure::Url => GetError::Url(url.to_string()),
                Failure::Redirects => {
                    GetError::Redirects { url: url.to_string(), most: config.max_redirects.get() }
                }
                Failure::TooLarge => GetError::TooLarge { url: url.to_string(), most: config.max_body.0 },
                Failure::Unreachable(reason) | Failure::Broken(reason) => refused(reason),
            }),
            Err(_) => Err(GetError::Timeout { url: url.to_string(), limit }),
        };
        (outcome, Some(lease))
    }

    /// Through the proxy or, when it is away and that is wanted, past it.
    async fn ask(
        &self,
        way: &Way,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
    ) -> Result<Answer, Failure> {
        let Shared { config, direct, .. } = &*self.0;
        let outcome = way.ask(method, url, headers, config).await;
        let Err(Failure::Unreachable(reason)) = outcome else {
            self.0.away.store(false, Relaxed);
            return outcome;
        };
        // What the proxy could not reach is another matter than a proxy that is away.
        let Err(away) = self.check().await else {
            self.0.away.store(false, Relaxed);
            return Err(Failure::Unreachable(reason));
        };
        let Some(direct) = direct else { return Err(Failure::Unreachable(away.to_string())) };
        self.warn(&away);
        Way::Direct(direct.clone()).ask(method, url, headers, config).await
    }

    fn warn(&self, away: &Away) {
        let consequence = match self.0.config.fallback {
            Fallback::Warn => "until it is back requests go past it, under the address of this machine",
            Fallback::Off | Fallback::Strict => "requests fail until it is back",
        };
        if !self.0.away.swap(true, Relaxed) {
            tracing::warn!("{away}; {consequence}");
        }
    }

    fn renew(&self, lease: &Lease<Proxied>) {
        if let Err(error) = self.0.identities.renew(lease) {
            tracing::warn!("no new identity: {}", chain(&error));
        }
    }

    async fn pause(&self) {
        let Proxy { pause_from, pause_to, .. } = &self.0.config;
        sleep(pause_from.0 + (pause_to.0.saturating_sub(pause_from.0)).mul_f64(fastrand::f64())).await;
    }
}

impl fmt::Debug for ProxiedClient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ProxiedClient through {}", self.0.proxy)
    }
}
