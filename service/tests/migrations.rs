//! Contract 5.4: tables, migrations and their record.

#![cfg(test)]

mod support;

use chassis::{
    App,
    config::{Sources, load},
    db::{
        Database, DbError,
        migration::{Column, Step, Table},
    },
};
use support::{
    http::get,
    postgres::{TestDatabase, postgres},
    process::{Process, run, stderr, stdout},
    until,
};

fn database(test: &TestDatabase, tables: Vec<Table>) -> Database {
    let sources = Sources::default().with_env([test.env()]);
    let config = load(&sources, chassis::Config::read).unwrap().config;
    App::new().unwrap().database(&config, tables).unwrap()
}

/// What is told of the steps that were taken.
async fn migrate(test: &TestDatabase, tables: &[Table]) -> Result<Vec<String>, DbError> {
    let mut told = Vec::new();
    database(test, tables.to_vec()).migrate(&mut |line| told.push(line)).await?;
    Ok(told)
}

async fn execute(test: &TestDatabase, sql: &'static str) -> Result<u64, DbError> {
    database(test, Vec::new()).transaction(async |connection| connection.execute(sql, &[]).await).await
}

async fn value<T: chassis::db::Column>(test: &TestDatabase, sql: &'static str) -> T {
    let value = database(test, Vec::new()).acquire().await.unwrap().fetch_value(sql, &[]).await;
    value.unwrap().unwrap()
}

fn cats() -> Table {
    Table::new("cats", [Column::serial("id"), Column::text("name", 20)])
}

/// contract 5.4.20
#[tokio::test]
async fn every_operation_works_on_a_table_with_rows_and_says_what_it_does() {
    let table = cats().step(Step::new(1).add_column(Column::integer("age").default_to("3")));
    let steps = [
        (Step::new(2).rename_column("name", "called"), "rename_column: name to called"),
        (Step::new(3).add_column(Column::text("colour", 10).nullable()), "add_column: colour"),
        (Step::new(4).add_unique_index(&["called"]), "add_index: unique called"),
        (Step::new(5).drop_not_null("called"), "drop_not_null: called"),
        (
            Step::new(6).run("paint", "UPDATE cats SET colour = 'red'", "UPDATE cats SET colour = 'red'"),
            "run: paint",
        ),
        (Step::new(7).add_not_null("colour"), "add_not_null: colour"),
        (Step::new(8).drop_column("age"), "drop_column: age"),
        (Step::new(9).rename_table("tomcats"), "rename_table: tomcats"),
        (Step::new(10).drop_index(&["called"]), "drop_index: called"),
    ];
    for test in TestDatabase::each().await {
        let mut table = table.clone();
        let told = migrate(&test, std::slice::from_ref(&table)).await.unwrap();
        assert_eq!(
            told,
            ["Migrating==> [cats] create_table: id, name", "Migrating==> [cats] add_column: age"]
        );
        execute(&test, "INSERT INTO cats(name) VALUES ('Tom')").await.unwrap();
        for (step, wanted) in &steps {
            table = table.step(step.clone());
            let told = migrate(&test, std::slice::from_ref(&table)).await.unwrap();
            assert_eq!(told, [format!("Migrating==> [cats] {wanted}")], "{}", test.url);
            if wanted.starts_with("drop_not_null") {
                execute(&test, "INSERT INTO cats(called) VALUES (NULL)").await.unwrap();
                let twice = execute(&test, "INSERT INTO cats(called) VALUES ('Tom')").await;
                assert!(twice.is_err(), "the index is still there: {}", test.url);
            }
        }
        let row: String = value(&test, "SELECT called || colour FROM tomcats WHERE id = 1").await;
        assert_eq!(row, "Tomred");
        assert!(
            execute(&test, "INSERT INTO tomcats(called) VALUES ('x')").await.is_err(),
            "a colour is missing"
        );
        execute(&test, "INSERT INTO tomcats(called, colour) VALUES ('Tom', 'blue')").await.unwrap();
        assert_eq!(value::<i64>(&test, "SELECT count(*) FROM tomcats").await, 3);
        assert!(migrate(&test, &[table]).await.unwrap().is_empty(), "all of it is recorded");
    }
}

#[tokio::test]
async fn a_record_that_was_lost_is_made_anew_and_no_step_is_taken_twice() {
    let once = Step::new(2).run(
        "paint",
        "INSERT INTO cats(name) VALUES ('Tom')",
        "INSERT INTO cats(name) VALUES ('Tom')",
    );
    let table = cats().step(Step::new(1).add_column(Column::integer("age").nullable())).step(once);
    for test in TestDatabase::each().await {
        for lost in ["DELETE FROM migrate_record", "DROP TABLE migrate_record"] {
            migrate(&test, std::slice::from_ref(&table)).await.unwrap();
            execute(&test, lost).await.unwrap();
            let told = migrate(&test, std::slice::from_ref(&table)).await.unwrap();
            assert_eq!(
                told,
                ["Migrating==> [cats] the table is there as its last step leaves it: recorded"],
                "{}",
                test.url
            );
            assert_eq!(value::<i64>(&test, "SELECT count(*) FROM cats").await, 1, "{}", test.url);
            assert!(migrate(&test, std::slice::from_ref(&table)).await.unwrap().is_empty());
        }
    }
}

/// contract 5.4.20, contract 5.4.21
#[tokio::test]
async fn steps_are_taken_all_or_none_each_once_and_recorded() {
    for test in TestDatabase::each().await {
        let broken = Step::new(2).run("break", "SELECT nothing", "SELECT nothing");
        let good = cats().step(Step::new(1).author("me").add_column(Column::integer("age").nullable()));
        let error = migrate(&test, &[good.clone().step(broken)]).await.unwrap_err();
        assert!(matches!(error, DbError::Failed(_)), "{error}");
        assert!(execute(&test, "SELECT 1 FROM cats").await.is_err(), "nothing is left: {}", test.url);
        let dogs = Table::new("dogs", [Column::serial("id")]).step(Step::new(1).add_index(&["id"]));
        migrate(&test, &[good.clone(), dogs.clone()]).await.unwrap();
        assert!(migrate(&test, &[good.clone(), dogs.clone()]).await.unwrap().is_empty());
        let history = database(&test, vec![good.clone()]).history().await.unwrap();
        let recorded: Vec<_> = history.recorded.iter().map(|record| record.step.to_string()).collect();
        assert_eq!(recorded, ["cats v0", "cats v1", "dogs v0", "dogs v1"], "a version is unique per table");
        assert_eq!(history.recorded[1].author.as_deref(), Some("me"));
        assert!(
            history.recorded.iter().all(|record| record
                .time
                .duration_until(jiff::Timestamp::now())
                .as_secs()
                < 60)
        );
        let columns = "SELECT id, \"table\", version, author, create_time FROM migrate_record";
        execute(&test, columns).await.unwrap();
        // One that comes later but has a smaller number is taken as well.
        let late =
            good.step(Step::new(10).drop_column("age")).step(Step::new(9).rename_column("age", "years"));
        let told = migrate(&test, &[late]).await;
        assert!(told.is_err(), "9 goes before 10, which finds no age: {told:?}");
    }
}

#[tokio::test]
async fn several_that_begin_at_once_do_each_step_once() {
    for test in TestDatabase::each().await {
        let sleep = Step::new(1).run("sleep", "SELECT pg_sleep(0.3)", "SELECT 1");
        let tables = [cats().step(sleep)];
        let all = (0..4).map(|_| migrate(&test, &tables));
        let told = futures::future::join_all(all).await;
        let done: Vec<_> = told.into_iter().map(Result::unwrap).filter(|told| !told.is_empty()).collect();
        assert_eq!(done.len(), 1, "{}: {done:?}", test.url);
        assert_eq!(value::<i64>(&test, "SELECT count(*) FROM migrate_record").await, 2);
    }
}

/// contract 5.4.20
#[tokio::test]
async fn the_command_migrates_and_says_so() {
    for test in TestDatabase::each().await {
        let env = [test.env(), ("CHASSIS_PROFILE", "roles")];
        let status = run(&env, &["migrate", "--status"]).await;
        assert_eq!(stdout(&status), "pending   roles v0\n", "{}", stderr(&status));
        let done = run(&env, &["migrate"]).await;
        let told = "Migrating==> [roles] create_table: id, name, create_time\nSuccess Migration\n";
        assert_eq!((stdout(&done), done.status.code()), (told, Some(0)), "{}", stderr(&done));
        let again = run(&env, &["migrate"]).await;
        assert_eq!(stdout(&again), "Success Migration\n");
        let status = run(&env, &["migrate", "--status"]).await;
        assert!(stdout(&status).starts_with("recorded  roles v0  20"), "{}", stdout(&status));
    }
    let output = run(&[("CHASSIS_PROFILE", "message")], &["migrate"]).await;
    assert_eq!(stdout(&output), "the profile message has no tables\n");
    let url = "postgres://me:geheim@127.0.0.1:1/x";
    let output = run(&[("DATABASE_URL", url), ("CHASSIS_PROFILE", "roles")], &["migrate"]).await;
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("the database is away: ") && !said.contains("geheim"), "{said}");
}

#[tokio::test]
async fn two_services_that_start_on_an_empty_database_are_both_ready() {
    let Some(postgres) = postgres().await else { return };
    let url = postgres.url(&postgres.create().await);
    let file = format!("profile: catalog\ndb: {{url: '{url}'}}");
    let (mut one, two) = tokio::join!(Process::start(&file), Process::start(&file));
    for process in [&one, &two] {
        until(200, async || get(process.admin, "/readyz").await.status).await;
        assert_eq!(
            get(process.service, "/products?offset=100").await.json()["data"].as_array().unwrap().len(),
            7
        );
    }
    one.signal("TERM").await;
    assert_eq!(one.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_password_is_in_no_log_and_in_no_print() {
    let Some(postgres) = postgres().await else { return };
    let url = postgres.url(&postgres.create().await);
    let mut process =
        Process::start(&format!("profile: catalog\nlogging: {{level: DEBUG}}\ndb: {{url: '{url}'}}")).await;
    get(process.service, "/products").await;
    process.signal("TERM").await;
    let lines = process.rest().await;
    assert!(lines.iter().all(|line| !line.contains("geheim")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("every request is answered")), "{lines:#?}");
    let print = run(&[("DATABASE_URL", &url)], &["config", "print"]).await;
    assert!(stdout(&print).contains("url: \"postgres://postgres:(hidden)@127.0.0.1:"), "{}", stdout(&print));
    assert!(!stdout(&print).contains("geheim"));
}
