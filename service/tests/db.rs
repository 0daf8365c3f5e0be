//! Contract 5.5 (a pool, reads and transactions) and what happens while a database is away.

#![cfg(test)]

mod support;

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::{
    extract::State,
    routing::{get as on_get, post as on_post},
};
use chassis::{
    App, Data, Envelope, Routes,
    answer::{Failure, ServiceError},
    config::{Sources, load},
    db::{
        Argument, Database, DbError,
        migration::{Column, Step, Table},
    },
};
use jiff::Timestamp;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use support::{
    collector::Collector,
    gate::Gate,
    http::{coded, get, post},
    parts::{free_port, program},
    postgres::{PASSWORD, Postgres, TestDatabase, postgres},
    process::Process,
    running::Running,
    soon, until,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::watch,
};

fn config(env: &[(&str, &str)]) -> chassis::Config {
    load(&Sources::default().with_env(env.iter().copied()), chassis::Config::read).unwrap().config
}

fn things() -> Table {
    let columns = [Column::serial("id"), Column::text("name", 20), Column::integer("size").nullable()];
    Table::new("things", columns).step(Step::new(1).add_unique_index(&["name"]))
}

/// A migrated database of the tables, with more variables.
async fn database(env: &[(&str, &str)], tables: Vec<Table>) -> Database {
    let database = App::new().unwrap().database(&config(env), tables).unwrap();
    database.migrate(&mut drop).await.unwrap();
    database
}

async fn count(database: &Database) -> i64 {
    let counted = database.acquire().await.unwrap().fetch_value("SELECT count(*) FROM things", &[]).await;
    counted.unwrap().unwrap()
}

const INSERT: &str = "INSERT INTO things(name, size) VALUES ($1, $2)";

/// contract 5.5.22
#[tokio::test]
async fn a_transaction_is_kept_when_it_succeeds_and_undone_when_it_fails_or_is_left() {
    for test in TestDatabase::each().await {
        let database = database(&[test.env()], vec![things()]).await;
        let insert = async |name: &'static str| {
            let outcome: Result<u64, DbError> = database
                .transaction(async |connection| connection.execute(INSERT, &[name.into(), 1.into()]).await)
                .await;
            outcome
        };
        assert_eq!(insert("kept").await.unwrap(), 1);
        let error = insert("kept").await.unwrap_err();
        assert!(matches!(error, DbError::Failed(_)), "{error}");
        let refused: Result<(), ServiceError> = database
            .transaction(async |connection| {
                connection.execute(INSERT, &["undone".into(), 1.into()]).await?;
                Err(Failure::new(axum::http::StatusCode::CONFLICT).into())
            })
            .await;
        assert!(refused.is_err());
        let never = database.transaction(async |connection| {
            connection.execute(INSERT, &["left".into(), 1.into()]).await?;
            std::future::pending::<Result<(), DbError>>().await
        });
        assert!(tokio::time::timeout(Duration::from_millis(200), never).await.is_err());
        assert_eq!(count(&database).await, 1, "{}", test.url);
        // Nothing is locked by the one that was left.
        assert_eq!(insert("left").await.unwrap(), 1, "{}", test.url);
    }
}

#[tokio::test]
async fn values_come_back_as_they_went_in() {
    const ALL: &str = "INSERT INTO values_of_all_types(truth, narrow, wide, real, text, time)
        VALUES ($1, $2, $3, $4, $5, $6)";
    let table = Table::new(
        "values_of_all_types",
        [
            Column::serial("id"),
            Column::bool("truth").nullable(),
            Column::integer("narrow").nullable(),
            Column::big_integer("wide").nullable(),
            Column::real("real").nullable(),
            Column::text("text", 20).nullable(),
            Column::time("time").nullable(),
        ],
    );
    let time: Timestamp = "2026-01-31T12:00:00.000001Z".parse().unwrap();
    for test in TestDatabase::each().await {
        let database = database(&[test.env()], vec![table.clone()]).await;
        let mut connection = database.acquire().await.unwrap();
        let some = [true.into(), i32::MIN.into(), i64::MAX.into(), 0.1.into(), "äé'\"$1".into(), time.into()];
        let none = [
            Argument::Bool(None),
            Argument::Integer(None),
            Argument::Integer(None),
            Argument::Real(None),
            Argument::Text(None),
            Argument::Time(None),
        ];
        assert_eq!(connection.execute_many(ALL, &[&some, &none]).await.unwrap(), 2);
        macro_rules! column {
            ($type:ty, $name:literal) => {{
                let sql = concat!("SELECT ", $name, " FROM values_of_all_types WHERE id = $1");
                let value: Option<$type> = connection.fetch_value(sql, &[1.into()]).await.unwrap();
                let empty: Option<Option<$type>> = connection.fetch_value(sql, &[2.into()]).await.unwrap();
                assert_eq!(empty, Some(None), "{}", test.url);
                value.unwrap()
            }};
        }
        assert!(column!(bool, "truth"));
        assert_eq!((column!(i32, "narrow"), column!(i64, "narrow")), (i32::MIN, i64::from(i32::MIN)));
        assert_eq!(column!(i64, "wide"), i64::MAX);
        assert!((column!(f64, "real") - 0.1).abs() < f64::EPSILON);
        assert_eq!(column!(String, "text"), "äé'\"$1");
        assert_eq!(column!(Timestamp, "time"), time);
        let missing =
            connection.fetch_value::<i32>("SELECT id FROM values_of_all_types WHERE id = 3", &[]).await;
        assert_eq!(missing.unwrap(), None);
        let wrong =
            connection.fetch_value::<i32>("SELECT text FROM values_of_all_types WHERE id = 1", &[]).await;
        assert!(matches!(wrong, Err(DbError::Failed(_))), "{wrong:?}");
    }
}

/// `POST /things` with the name as its body, `GET /things` says how many there are, `GET /slow` takes a minute.
fn app(env: &[(&str, &str)]) -> App {
    let mut app = App::new().unwrap();
    let database = app.database(&config(env), vec![things()]).unwrap();
    let add = async |State(database): State<Database>, name: String| -> Result<Data<u64>, ServiceError> {
        let insert = database.transaction(async |connection| {
            connection.execute(INSERT, &[(&name).into(), Argument::Integer(None)]).await
        });
        Ok(Data::new(insert.await?))
    };
    let all = async |State(database): State<Database>| -> Result<Data<i64>, ServiceError> {
        let counted = database.acquire().await?.fetch_value("SELECT count(*) FROM things", &[]).await?;
        Ok(Data::new(counted.unwrap_or_default()))
    };
    let slow = async |State(database): State<Database>| -> Result<Data<String>, ServiceError> {
        database.acquire().await?.execute("SELECT pg_sleep(60)", &[]).await?;
        Ok(Data::new("slept".to_owned()))
    };
    let routes = Routes::new(Envelope::Code)
        .route("/things", on_post(add).get(all).with_state(database.clone()))
        .route("/slow", on_get(slow).with_state(database));
    app.mount(routes)
}

async fn start(env: &[(&str, &str)]) -> Running {
    Running::with(env, app(env)).await
}

async fn readiness(running: &Running) -> (u16, Vec<String>) {
    let answer = get(running.admin, "/readyz").await;
    (answer.status, serde_json::from_value(answer.json()["reasons"].clone()).unwrap())
}

fn unavailable() -> Value {
    coded(503, "The database is not available")
}

#[tokio::test]
async fn a_server_that_stops_is_told_of_at_once_and_all_works_when_it_is_back() {
    let Some(mut postgres) = Postgres::start().await else { return };
    let url = postgres.url(&postgres.create().await);
    let env = [("DATABASE_URL", url.as_str()), ("CHASSIS_SERVER__WORKERS", "8")];
    let running = start(&env).await;
    assert_eq!(readiness(&running).await, (200, vec![]));
    assert_eq!(post(running.service, "/things", "a").await.status, 200);
    postgres.tell("stop").await;
    until(503, async || readiness(&running).await.0).await;
    let (_, reasons) = readiness(&running).await;
    assert!(
        reasons[0].starts_with("the database is away: ") && !reasons[0].contains(PASSWORD),
        "{reasons:?}"
    );
    let began = Instant::now();
    for _ in 0..20 {
        let answer = get(running.service, "/things").await;
        assert_eq!((answer.status, answer.json()), (503, unavailable()));
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(get(running.admin, "/livez").await.status, 200);
    assert_eq!(get(running.service, "/status").await.json()["last_migration"], "things v1");
    postgres.tell("start").await;
    until(200, async || readiness(&running).await.0).await;
    assert_eq!(get(running.service, "/things").await.json(), json!({ "code": 0, "data": 1 }));
    assert_eq!(post(running.service, "/things", "b").await.status, 200);
}

#[tokio::test]
async fn a_server_that_refuses_connections_is_away_at_once_before_anybody_has_looked() {
    let url = format!("postgres://127.0.0.1:{}/none", free_port());
    let database = App::new().unwrap().database(&config(&[("DATABASE_URL", &url)]), vec![things()]).unwrap();
    let began = Instant::now();
    let error = database.acquire().await.unwrap_err();
    assert!(matches!(error, DbError::Away(_)), "{error}");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

/// The port of a relay to the one of a server. What is sent by it makes the connections of so far fall silent: nothing
/// passes any more, and nobody learns of it.
async fn relay(server: u16) -> (u16, watch::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (silence, silenced) = watch::channel(());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut silenced = silenced.clone();
            silenced.mark_unchanged();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                tokio::select! {
                    _ = copy_bidirectional(&mut client, &mut server) => {}
                    _ = silenced.changed() => std::future::pending().await,
                }
            });
        }
    });
    (port, silence)
}

/// The port of a relay to the one of a server, and how often clients have waited for the server by it.
async fn counting_relay(server: u16) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let waits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&waits);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let (mut asked, mut answered) = ([0; 4096], [0; 4096]);
                let mut waiting = false;
                loop {
                    tokio::select! {
                        length = client.read(&mut asked) => match length.unwrap_or(0) {
                            0 => return,
                            length => {
                                counted.fetch_add(usize::from(!waiting), Relaxed);
                                waiting = true;
                                server.write_all(&asked[..length]).await.unwrap();
                            }
                        },
                        length = server.read(&mut answered) => match length.unwrap_or(0) {
                            0 => return,
                            length => {
                                waiting = false;
                                client.write_all(&answered[..length]).await.unwrap();
                            }
                        },
                    }
                }
            });
        }
    });
    (port, waits)
}

#[tokio::test]
async fn a_single_write_waits_for_the_server_once() {
    let Some(postgres) = postgres().await else { return };
    let (port, waits) = counting_relay(postgres.port).await;
    let name = postgres.create().await;
    let url = format!("postgres://postgres:{PASSWORD}@127.0.0.1:{port}/{name}");
    let running = Running::bundled(&[("DATABASE_URL", &url), ("CHASSIS_PROFILE", "roles")]).await;
    until(200, async || readiness(&running).await.0).await;
    let mut fewest = usize::MAX;
    // The first one is prepared, and the monitor asks as well now and then.
    for number in 0..10 {
        let before = waits.load(Relaxed);
        let body = json!({ "name": format!("role {number}") }).to_string();
        assert_eq!(post(running.service, "/roles", &body).await.status, 200);
        fewest = fewest.min(waits.load(Relaxed) - before);
    }
    assert_eq!(fewest, 1);
}

#[tokio::test]
async fn a_connection_that_fell_silent_after_its_use_takes_no_place_for_good() {
    let Some(postgres) = postgres().await else { return };
    let (port, silence) = relay(postgres.port).await;
    let name = postgres.create().await;
    let url = format!("postgres://postgres:{PASSWORD}@127.0.0.1:{port}/{name}");
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("CHASSIS_DB__MAX_CONNECTIONS", "1"),
        ("CHASSIS_DB__STATEMENT_TIMEOUT", "2s"),
        ("CHASSIS_DB__CONNECT_TIMEOUT", "2s"),
        ("CHASSIS_DB__ACQUIRE_TIMEOUT", "3s"),
    ];
    let database = database(&env, vec![things()]).await;
    let mut connection = database.acquire().await.unwrap();
    assert_eq!(connection.fetch_value("SELECT 1", &[]).await.unwrap(), Some(1));
    silence.send_replace(());
    drop(connection);
    until(Ok(Some(1)), async || {
        let mut connection = database.acquire().await.map_err(|error| error.to_string())?;
        connection.fetch_value("SELECT 1", &[]).await.map_err(|error| error.to_string())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_answers_nothing_does_not_hang_requests() {
    let Some(mut postgres) = Postgres::start().await else { return };
    let url = postgres.url(&postgres.create().await);
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("CHASSIS_DB__STATEMENT_TIMEOUT", "1s"),
        ("CHASSIS_DB__CONNECT_TIMEOUT", "1s"),
        ("CHASSIS_DB__ACQUIRE_TIMEOUT", "1s"),
    ];
    let running = start(&env).await;
    assert_eq!(post(running.service, "/things", "a").await.status, 200);
    postgres.tell("freeze").await;
    let began = Instant::now();
    assert_eq!(get(running.service, "/things").await.status, 503);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    until(503, async || readiness(&running).await.0).await;
    postgres.tell("thaw").await;
    until(200, async || readiness(&running).await.0).await;
    until(json!(1), async || get(running.service, "/things").await.json()["data"].clone()).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_keeps_no_service_from_starting() {
    let Some(mut postgres) = Postgres::start().await else { return };
    let url = postgres.url(&postgres.create().await);
    postgres.tell("stop").await;
    let running = start(&[("DATABASE_URL", &url)]).await;
    let (status, reasons) = readiness(&running).await;
    assert_eq!(status, 503);
    assert!(reasons[0].contains("the database is away"), "{reasons:?}");
    let status = get(running.service, "/status").await;
    assert_eq!((status.status, &status.json()["last_migration"]), (200, &Value::Null));
    assert_eq!(get(running.service, "/things").await.status, 503);
    postgres.tell("start").await;
    until(200, async || readiness(&running).await.0).await;
    assert_eq!(get(running.service, "/things").await.json()["data"], 0, "migrated when it was there");
}

/// For how many clients the server sleeps.
async fn asleep(postgres: &Postgres, name: &str) -> String {
    let sleeping = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND query LIKE '%pg_sleep%' AND state = 'active'"
    );
    postgres.sql("postgres", &sleeping).await
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up_and_so_is_a_wait_for_a_connection() {
    let Some(postgres) = postgres().await else { return };
    let name = postgres.create().await;
    let url = postgres.url(&name);
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("CHASSIS_DB__MAX_CONNECTIONS", "1"),
        ("CHASSIS_DB__ACQUIRE_TIMEOUT", "1s"),
        ("CHASSIS_DB__STATEMENT_TIMEOUT", "3s"),
    ];
    let running = start(&env).await;
    let service = running.service;
    // The connection is there, and is taken at once.
    until(200, async || get(service, "/things").await.status).await;
    let slow = tokio::spawn(async move { get(service, "/slow").await });
    let metric = async |line: &'static str| {
        let metrics = get(running.admin, "/metrics").await.body;
        metrics.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' ')).map(str::to_owned)
    };
    let used = r#"chassis_db_connections{server="primary",state="used"}"#;
    until(Some("1".to_owned()), async || metric(used).await).await;
    let answer = get(running.service, "/things").await;
    assert_eq!((answer.status, answer.json()), (503, unavailable()), "nobody gave one back in time");
    let refused = r#"chassis_db_refusals_total{reason="busy",server="primary"}"#;
    assert!(metric(refused).await.is_some_and(|count| count != "0"));
    assert_eq!(metric(r#"chassis_db_connections_max{server="primary"}"#).await.as_deref(), Some("1"));
    assert_eq!(soon("the end of the statement", slow).await.unwrap().status, 503);
    until(200, async || get(running.service, "/things").await.status).await;
    // The server has given it up as well.
    until("0".to_owned(), async || asleep(postgres, &name).await).await;
    assert_eq!(readiness(&running).await, (200, vec![]), "busy is not away");
}

#[tokio::test]
async fn what_the_server_does_for_a_client_that_has_left_takes_a_place_until_it_ends() {
    let Some(postgres) = postgres().await else { return };
    let name = postgres.create().await;
    let url = postgres.url(&name);
    let env = [
        ("DATABASE_URL", url.as_str()),
        ("CHASSIS_DB__MAX_CONNECTIONS", "1"),
        ("CHASSIS_DB__STATEMENT_TIMEOUT", "3s"),
        ("CHASSIS_DB__ACQUIRE_TIMEOUT", "10s"),
    ];
    let database = database(&env, vec![things()]).await;
    let client = database.clone();
    let client = tokio::spawn(async move {
        client.acquire().await.unwrap().execute("SELECT pg_sleep(60)", &[]).await.unwrap();
    });
    until("1".to_owned(), async || asleep(postgres, &name).await).await;
    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    let _next = database.acquire().await.unwrap();
    assert_eq!(asleep(postgres, &name).await, "0", "the server works for one who has gone and for the next");
}

#[tokio::test]
async fn a_monitor_whose_own_question_waits_refuses_no_request() {
    let Some(postgres) = postgres().await else { return };
    let name = postgres.create().await;
    let url = postgres.url(&name);
    let running = start(&[("DATABASE_URL", &url), ("CHASSIS_DB__CONNECT_TIMEOUT", "2s")]).await;
    until(200, async || readiness(&running).await.0).await;
    let lock = "BEGIN; LOCK TABLE migrate_record IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)";
    let canceled = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND wait_event_type = 'Lock'"
    );
    let asks = async || {
        let mut asked = 0;
        // The question waits, is given up, and another one waits.
        while asked < 2 {
            until("1".to_owned(), async || postgres.sql("postgres", &canceled).await).await;
            until("0".to_owned(), async || postgres.sql("postgres", &canceled).await).await;
            asked += 1;
            assert_eq!(get(running.service, "/things").await.status, 200);
            assert_eq!(readiness(&running).await, (200, vec![]));
        }
    };
    tokio::select! {
        locked = postgres.sql(&name, lock) => panic!("{locked}"),
        () = asks() => {}
    }
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
    );
    postgres.sql("postgres", &end).await;
}

#[tokio::test]
async fn a_server_with_no_room_for_the_monitor_refuses_no_request() {
    let Some(postgres) = postgres().await else { return };
    let name = postgres.create().await;
    let role = format!("few_{name}");
    postgres
        .sql(&name, &format!("CREATE ROLE {role} LOGIN PASSWORD 'few'; GRANT ALL ON SCHEMA public TO {role}"))
        .await;
    let url = format!("postgres://{role}:few@127.0.0.1:{}/{name}", postgres.port);
    let running = start(&[("DATABASE_URL", &url), ("CHASSIS_DB__MAX_CONNECTIONS", "1")]).await;
    until(200, async || readiness(&running).await.0).await;
    assert_eq!(get(running.service, "/things").await.status, 200);
    postgres.sql("postgres", &format!("ALTER ROLE {role} CONNECTION LIMIT 1")).await;
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}' AND query NOT LIKE '%things%'"
    );
    postgres.sql("postgres", &end).await;
    let left = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}'");
    until("1".to_owned(), async || postgres.sql("postgres", &left).await).await;
    let refused = async || {
        let log = postgres.sql("postgres", &left).await;
        assert_eq!((log.as_str(), get(running.service, "/things").await.status), ("1", 200));
        assert_eq!(readiness(&running).await, (200, vec![]));
    };
    // For some looks of the monitor, each of them a second after the other.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        refused().await;
    }
}

/// `PgBouncer`, which hands the server's sessions round between transactions.
#[tokio::test]
async fn a_pooler_that_takes_no_settings_for_sessions_will_do() {
    let Some(postgres) = postgres().await else { return };
    let Some(pgbouncer) = program("pgbouncer").await else { return };
    let name = postgres.create().await;
    let directory = tempfile::tempdir().unwrap();
    let (port, server) = (free_port(), postgres.port);
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let users = directory.path().join("users.txt");
    std::fs::write(&users, format!("\"postgres\" \"{PASSWORD}\"\n")).unwrap();
    let settings = directory.path().join("pgbouncer.ini");
    let text = format!(
        "[databases]\n{name} = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
        unix_socket_dir =\nauth_type = plain\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 2\n",
        users.display()
    );
    std::fs::write(&settings, text).unwrap();
    let mut command = Command::new(pgbouncer);
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        // It refuses to run as root.
        command.args(["-u", "nobody"]);
    }
    let _child = command.arg("-q").arg(&settings).kill_on_drop(true).spawn().unwrap();
    until(true, async || TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
    let url = format!("postgres://postgres:{PASSWORD}@127.0.0.1:{port}/{name}");
    let running = start(&[("DATABASE_URL", &url)]).await;
    until((200, vec![]), async || readiness(&running).await).await;
    let service = running.service;
    // Sessions change hands: nothing that one has prepared may be used in another.
    let add = |number: usize| async move { post(service, "/things", &number.to_string()).await.status };
    let added = futures::future::join_all((0..20).map(add)).await;
    assert_eq!(added, [200; 20]);
    assert_eq!(get(running.service, "/things").await.json()["data"], 20);
}

/// The port of a relay to a server that refuses command-line options in the words of RDS Proxy, which cannot be run here.
async fn relay_without_options(server: u16) -> u16 {
    const REFUSAL: &str =
        "Feature not supported: RDS Proxy currently doesn\u{2019}t support command-line options.";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut startup = Vec::new();
                // A question for TLS comes before it.
                for _ in 0..2 {
                    let length = client.read_u32().await.unwrap();
                    startup = length.to_be_bytes().to_vec();
                    startup.resize(usize::try_from(length).unwrap(), 0);
                    client.read_exact(&mut startup[4..]).await.unwrap();
                    if length == 8 {
                        client.write_all(b"N").await.unwrap();
                    } else {
                        break;
                    }
                }
                if startup.windows(9).any(|window| window == b"\0options\0") {
                    let fields = format!("SFATAL\0VFATAL\0C0A000\0M{REFUSAL}\0\0");
                    let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
                    return client.write_all(&[b"E", &length[..], fields.as_bytes()].concat()).await.unwrap();
                }
                let mut server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                server.write_all(&startup).await.unwrap();
                _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn a_proxy_that_takes_no_options_will_do() {
    let Some(postgres) = postgres().await else { return };
    let (port, name) = (relay_without_options(postgres.port).await, postgres.create().await);
    let url = format!("postgres://postgres:{PASSWORD}@127.0.0.1:{port}/{name}");
    let running = start(&[("DATABASE_URL", &url)]).await;
    until((200, vec![]), async || readiness(&running).await).await;
    assert_eq!(post(running.service, "/things", "a").await.status, 200);
    assert_eq!(get(running.service, "/things").await.json()["data"], 1);
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_it_is_asked_for_and_one_with_it_is_verified() {
    let Some(mut postgres) = Postgres::start().await else { return };
    let name = postgres.create().await;
    let url = postgres.url(&name).replace("127.0.0.1", "localhost");
    let with = |tls: &'static str, file: &str| {
        let env = [
            ("DATABASE_URL", url.clone()),
            ("CHASSIS_DB__TLS", tls.to_owned()),
            ("CHASSIS_TLS__CA_FILE", file.to_owned()),
        ];
        async move { start(&env.each_ref().map(|(name, value)| (*name, value.as_str()))).await }
    };
    let directory = tempfile::tempdir().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, authority.pem()).unwrap();
    let ca_file = ca_file.to_str().unwrap();

    let running = with("require", ca_file).await;
    let (status, reasons) = readiness(&running).await;
    assert!(status == 503 && reasons[0].contains("db.tls: prefer"), "{reasons:?}");
    drop(running);

    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let server = server.signed_by(&key, &authority).unwrap();
    for (file, text) in [("server.crt", server.pem()), ("server.key", key.serialize_pem())] {
        // By the server's own user, who has to be the only one who may read the key.
        let copy = format!(
            "COPY (SELECT unnest(string_to_array($t${}$t$, E'\\n'))) TO PROGRAM 'umask 077; cat > {file}'",
            text.trim()
        );
        postgres.sql(&name, &copy).await;
    }
    postgres.sql(&name, "ALTER SYSTEM SET ssl = on").await;
    postgres.tell("stop").await;
    postgres.tell("start").await;
    let encrypted = format!(
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = '{name}' AND application_name = 'Microservice'"
    );
    for (tls, file, wanted) in
        [("verify-full", ca_file, 200), ("verify-full", "", 503), ("require", "", 200), ("prefer", "", 200)]
    {
        let running = with(tls, file).await;
        until(wanted, async || readiness(&running).await.0).await;
        if wanted == 200 {
            assert_eq!(postgres.sql("postgres", &encrypted).await, "t", "{tls}");
        }
    }
}

/// 0.0.0.0 is this machine, and does not look like it.
#[tokio::test]
async fn a_connection_that_may_be_read_on_the_way_is_made_on_demand_alone_and_told_of() {
    let Some(postgres) = postgres().await else { return };
    let url = postgres.url(&postgres.create().await).replace("127.0.0.1", "0.0.0.0");
    for (tls, told) in [
        ("none", "let the server have TLS, or write db.tls: prefer, with which it may be without"),
        ("prefer", "what goes to the database may be read on the way; write db.tls: require or verify-full"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("service.log");
        let config = json!({ "db": { "url": url, "tls": tls }, "logging": { "file": log } });
        let _process = Process::start(&config.to_string()).await;
        until(true, async || std::fs::read_to_string(&log).unwrap().contains(told)).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_transaction_along() {
    for test in TestDatabase::each().await {
        let gate = Gate::closed();
        let mut app = App::new().unwrap();
        let database = app.database(&config(&[test.env()]), vec![things()]).unwrap();
        let state = (database.clone(), Arc::clone(&gate));
        let wait =
            async |State((database, gate)): State<(Database, Arc<Gate>)>| -> Result<Data<()>, ServiceError> {
                let work = database.transaction(async |connection| {
                    connection.execute(INSERT, &["left".into(), 1.into()]).await?;
                    let _inside = gate.enter();
                    std::future::pending::<Result<(), DbError>>().await
                });
                Ok(Data::new(work.await?))
            };
        let routes = Routes::new(Envelope::Code).route("/wait", on_post(wait).with_state(state));
        let running = Running::with(&[test.env()], app.mount(routes)).await;
        let service = running.service;
        let client = tokio::spawn(async move { post(service, "/wait", "").await });
        until(1, async || gate.inside()).await;
        client.abort();
        until(0, async || gate.inside()).await;
        let again: Result<u64, DbError> = database
            .transaction(async |connection| connection.execute(INSERT, &["left".into(), 1.into()]).await)
            .await;
        assert_eq!(again.unwrap(), 1, "{}", test.url);
    }
}

#[tokio::test]
async fn reads_go_to_the_replica_and_to_the_primary_while_it_is_away() {
    let (Some(primary), Some(mut replica)) = (postgres().await, Postgres::start().await) else { return };
    let urls = [primary.url(&primary.create().await), replica.url(&replica.create().await)];
    // Two servers that know nothing of each other: what is read tells where from.
    database(&[("DATABASE_URL", &urls[1])], vec![things()]).await;
    let env = [("DATABASE_URL", urls[0].as_str()), ("CHASSIS_DB__REPLICA_URL", &urls[1])];
    let running = start(&env).await;
    assert_eq!(post(running.service, "/things", "a").await.status, 200);
    assert_eq!(get(running.service, "/things").await.json()["data"], 0, "read from the replica");
    replica.tell("stop").await;
    until(1, async || get(running.service, "/things").await.json()["data"].as_i64().unwrap_or(-1)).await;
    assert_eq!(readiness(&running).await, (200, vec![]), "it can do without");
    replica.tell("start").await;
    until(0, async || get(running.service, "/things").await.json()["data"].as_i64().unwrap_or(-1)).await;
}

#[tokio::test]
async fn a_changed_password_counts_for_new_connections() {
    let Some(mut postgres) = Postgres::start().await else { return };
    let name = postgres.create().await;
    postgres.sql(&name, "CREATE ROLE app LOGIN PASSWORD 'first'; GRANT ALL ON SCHEMA public TO app").await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "first\n").unwrap();
    let port = postgres.port.to_string();
    let env = [
        ("POSTGRES_SERVICE_HOST", "127.0.0.1"),
        ("POSTGRES_SERVICE_PORT", &port),
        ("POSTGRES_SERVICE_USER", "app"),
        ("POSTGRES_SERVICE_DB_NAME", &name),
        ("POSTGRES_SERVICE_PASSWORD_FILE", file.to_str().unwrap()),
    ];
    let running = start(&env).await;
    assert_eq!(get(running.service, "/things").await.status, 200);
    postgres.sql(&name, "ALTER ROLE app PASSWORD 'second'").await;
    postgres.tell("stop").await;
    postgres.tell("start").await;
    until((503, true), async || {
        let (status, reasons) = readiness(&running).await;
        (status, reasons.iter().any(|reason| reason.contains("password authentication failed")))
    })
    .await;
    std::fs::write(&file, "second\n").unwrap();
    until(200, async || readiness(&running).await.0).await;
    assert_eq!(get(running.service, "/things").await.status, 200);
}

/// contract 5.7.28
#[tokio::test]
async fn a_statement_is_a_span_that_tells_its_arguments_only_when_asked_to() {
    for test in TestDatabase::each().await {
        for (args, wanted) in [("false", Value::Null), ("true", json!("Oslo,null"))] {
            let collector = Collector::start("/api/v2/spans").await;
            let url = collector.url("/api/v2/spans");
            let env = [
                test.env(),
                ("ZIPKIN_SERVER", url.as_str()),
                ("CHASSIS_TRACING__INTERVAL", "10ms"),
                ("CHASSIS_TRACING__DB_ARGS", args),
            ];
            let running = start(&env).await;
            let status = if args == "false" { 200 } else { 500 };
            assert_eq!(post(running.service, "/things", "Oslo").await.status, status, "a name is unique");
            let inserts = || -> Vec<Value> {
                collector.spans().into_iter().filter(|span| span["tags"]["db.sql"] == INSERT).collect()
            };
            until(1, async || inserts().len()).await;
            let [insert] = inserts().try_into().unwrap();
            assert_eq!((&insert["name"], &insert["kind"]), (&json!("execute"), &json!("CLIENT")));
            let tags = &insert["tags"];
            assert_eq!((&tags["component"], &tags["db.type"]), (&json!("db-execute"), &json!("sql")));
            assert_eq!(tags["args"], wanted, "{}", test.url);
            assert_eq!(tags["error.kind"], if args == "false" { Value::Null } else { json!("failed") });
            let parents =
                || collector.spans().into_iter().filter(|span| span["id"] == insert["parentId"]).count();
            until(1, async || parents()).await;
        }
    }
}

/// contract 4.1.4
#[tokio::test]
async fn the_status_tells_the_last_migration_and_readiness_those_that_are_missing() {
    for test in TestDatabase::each().await {
        let running = start(&[test.env(), ("CHASSIS_DB__MIGRATE", "false")]).await;
        let status = get(running.service, "/status").await;
        let wanted = json!({ "name": "Microservice", "version": "N/A", "last_migration": null });
        assert_eq!((status.status, status.json()), (200, wanted));
        let missing = "migrations are pending: things v0, things v1; the command `migrate` takes them, or db.migrate: true at the start".to_owned();
        assert_eq!(readiness(&running).await, (503, vec![missing]));
        database(&[test.env()], vec![things()]).await;
        until((200, vec![]), async || readiness(&running).await).await;
        assert_eq!(get(running.service, "/status").await.json()["last_migration"], "things v1");
    }
}

/// contract 4.1.4
#[tokio::test]
async fn the_status_tells_alembics_version_where_the_database_has_one() {
    for test in TestDatabase::each().await {
        let database = database(&[test.env()], vec![things()]).await;
        let mut connection = database.primary().await.unwrap();
        for sql in [
            "CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)",
            "INSERT INTO alembic_version VALUES ('ef123ae24f13')",
        ] {
            connection.execute(sql, &[]).await.unwrap();
        }
        let running = start(&[test.env()]).await;
        assert_eq!(get(running.service, "/status").await.json()["last_migration"], "ef123ae24f13");
    }
}
