//! A server inside the test's process.

use std::{net::SocketAddr, sync::Arc};

use chassis::{
    App, Outcome, Server, Shutdown,
    config::{Sources, load},
    server::{Size, Workers},
};
use service::Config;
use tokio::task::JoinHandle;

use super::soon;

pub struct Running {
    pub service: SocketAddr,
    pub admin: SocketAddr,
    pub workers: Arc<Workers>,
    pub shutdown: Shutdown,
    ended: JoinHandle<Outcome>,
}

impl Running {
    /// The bundled service with these variables.
    pub async fn bundled(env: &[(&str, &str)]) -> Self {
        let config = Config::load(&sources(env)).unwrap().config;
        let app = config.profile.mount(App::new().unwrap(), &config).unwrap();
        Self::start(&config.chassis, app).await
    }

    /// Only the chassis, with the routes of a test.
    pub async fn with(env: &[(&str, &str)], app: App) -> Self {
        let config = load(&sources(env), chassis::Config::read).unwrap().config;
        Self::start(&config, app).await
    }

    async fn start(config: &chassis::Config, app: App) -> Self {
        let server = Server::bind(config, app).await.unwrap();
        let shutdown = Shutdown::new();
        Self {
            service: server.service_address(),
            admin: server.admin_address(),
            workers: server.workers(),
            ended: tokio::spawn(server.run(shutdown.clone())),
            shutdown,
        }
    }

    pub async fn ended(self) -> Outcome {
        soon("the end", self.ended).await.unwrap()
    }
}

fn sources(env: &[(&str, &str)]) -> Sources {
    let ports =
        [("CHASSIS_SERVER__LISTEN", "http://127.0.0.1:0"), ("CHASSIS_SERVER__ADMIN", "http://127.0.0.1:0")];
    Sources::default().with_env(ports).with_env(env.iter().copied())
}

pub fn size(workers: u32, requests_per_worker: u32) -> Size {
    let count = chassis::config::Count::new;
    Size { workers: count(workers), requests_per_worker: count(requests_per_worker) }
}
