//! Bearer tokens of an OpenID Connect issuer: what the document of the quickstart has among its plans.

#![cfg(test)]

mod support;

use axum::routing::{get as on_get, post as on_post};
use chassis::{App, Data, Envelope, Routes, answer::ServiceError, auth::Claims};
use serde_json::{Value, json};
use support::{
    http::{Answer, Connection, coded, get, get_with, post},
    issuer::{Issuer, Key, encode, now},
    parts::OidcProvider,
    process::Process,
    running::Running,
    soon, until,
};

/// Who is asking, and something that takes a scope of its own.
fn orders() -> App {
    let who = on_get(async |claims: Claims| Data::new(claims.subject().unwrap_or_default().to_owned()));
    let ship = on_post(async |claims: Claims| -> Result<Data<&'static str>, ServiceError> {
        claims.require("orders.ship")?;
        Ok(Data::new("shipped"))
    });
    let anybody = on_get(async |claims: Option<Claims>| Data::new(claims.is_some()));
    let routes = |envelope| Routes::new(envelope);
    App::new()
        .unwrap()
        .mount(routes(Envelope::Code).route("/code", who.clone()).route("/code/ship", ship))
        .mount(routes(Envelope::Meta).route("/meta", who.clone()))
        .mount(routes(Envelope::RawError).route("/error", who.clone()))
        .mount(routes(Envelope::Meta).route("/open/{x}", anybody).route("/open/who/{x}", who))
}

async fn service(issuer: &str, more: &[(&str, &str)]) -> Running {
    let mut env = vec![("CHASSIS_AUTH__ISSUER", issuer), ("CHASSIS_AUTH__AUDIENCE", "shop orders")];
    env.extend(more);
    Running::with(&env, orders()).await
}

/// A service that has the keys of its issuer.
async fn ready(issuer: &Issuer, more: &[(&str, &str)]) -> Running {
    let running = service(&issuer.name(), more).await;
    until(200, async || get(running.admin, "/readyz").await.status).await;
    running
}

async fn shown(running: &Running, path: &str, token: &str) -> Answer {
    get_with(running.service, path, &[("authorization", &format!("Bearer {token}"))]).await
}

/// Status, `error` and `error_description` of the answer to a token.
async fn verdict(running: &Running, token: &str) -> (u16, String, String) {
    let answer = shown(running, "/code", token).await;
    let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
    let part = |name: &str| {
        let (_, rest) = challenge.split_once(&format!("{name}=\"")).unwrap_or_default();
        rest.split('"').next().unwrap_or_default().to_owned()
    };
    if answer.status == 401 {
        assert_eq!(answer.json(), coded(401, &part("error_description")));
    }
    (answer.status, part("error"), part("error_description"))
}

async fn metric(running: &Running, line: &str) -> bool {
    get(running.admin, "/metrics").await.body.lines().any(|present| present == line)
}

#[tokio::test]
async fn a_good_token_of_each_algorithm_is_let_through_and_its_claims_reach_the_handler() {
    let keys = [Key::rsa("rsa"), Key::pss("pss"), Key::ec("ec"), Key::ed("ed")];
    let issuer = Issuer::start(&keys.iter().collect::<Vec<_>>()).await;
    let running = ready(&issuer, &[]).await;
    for key in &keys {
        for audience in [json!("orders"), json!(["other", "shop"])] {
            let token = key.token(&issuer.claims(&json!({ "aud": audience })));
            let answer = shown(&running, "/code", &token).await;
            assert_eq!((answer.status, answer.json()["data"].as_str()), (200, Some("ada")), "{}", key.id);
        }
    }
    let token = keys[0].token(&issuer.claims(&json!({})));
    let answer = get_with(running.service, "/code", &[("authorization", &format!("bEARER   {token}"))]).await;
    assert_eq!(answer.status, 200, "RFC 7235: the scheme's case plays no role");
    assert_eq!(issuer.fetches(), 1, "none of this asked the issuer");
}

#[tokio::test]
async fn a_real_provider_s_token_is_let_through() {
    let Some(provider) = OidcProvider::start().await else { return };
    let scopes = ("CHASSIS_AUTH__SCOPES", "orders.read");
    let running = service(&provider.name(), &[scopes]).await;
    until(200, async || get(running.admin, "/readyz").await.status).await;
    let token = provider.token().await;
    let answer = shown(&running, "/code", &token).await;
    assert_eq!((answer.status, &answer.json()["data"]), (200, &json!("shop")));
    let (head, _) = token.rsplit_once('.').unwrap();
    assert_eq!(verdict(&running, &format!("{head}.AAAA")).await.2, "the token's signature is wrong");
    let other = service(&provider.name(), &[("CHASSIS_AUTH__AUDIENCE", "billing")]).await;
    until(200, async || get(other.admin, "/readyz").await.status).await;
    assert_eq!(verdict(&other, &token).await.2, "the token is for another service");
}

#[tokio::test]
async fn without_a_token_the_answer_is_a_401_in_the_envelope_of_the_router() {
    let key = Key::ec("1");
    let issuer = Issuer::start(&[&key]).await;
    let running = ready(&issuer, &[]).await;
    let message = "a bearer token is needed";
    for (path, body) in [
        ("/code", coded(401, message)),
        ("/meta", json!({ "message": message })),
        ("/error", json!({ "error": message })),
    ] {
        let answer = get(running.service, path).await;
        assert_eq!((answer.status, answer.json()), (401, body), "{path}");
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer realm=\"api\""),
            "no error: none was made"
        );
    }
    let basic = get_with(running.service, "/code", &[("authorization", "Basic eDp5")]).await;
    assert_eq!((basic.status, basic.header("www-authenticate")), (401, Some("Bearer realm=\"api\"")));
    let token = format!("Bearer {}", key.token(&issuer.claims(&json!({}))));
    let two = [("authorization", token.as_str()), ("authorization", &token)];
    let two = get_with(running.service, "/code", &two).await;
    let challenge = two.header("www-authenticate").unwrap();
    assert!(two.status == 400 && challenge.contains("error=\"invalid_request\""), "{two:?}");
    let line = "chassis_auth_refusals_total{reason=\"missing\"} 4";
    assert!(metric(&running, line).await);
    assert_eq!(get(running.service, "/code/nowhere").await.status, 404, "there is nothing to protect");
    assert_eq!(post(running.service, "/code", "").await.status, 405);
}

#[tokio::test]
async fn a_token_that_does_not_count_is_a_401_that_says_why() {
    let (key, stranger) = (Key::rsa("1"), Key::rsa("1"));
    let issuer = Issuer::start(&[&key]).await;
    let running = ready(&issuer, &[]).await;
    let good = key.token(&issuer.claims(&json!({})));
    let (head, signature) = good.rsplit_once('.').unwrap();
    for (claims, why) in [
        (json!({ "exp": now() - 60 }), "the token has expired"),
        (json!({ "nbf": now() + 60 }), "the token is not valid yet"),
        (json!({ "iss": "http://elsewhere" }), "the token is of another issuer"),
        (json!({ "iss": format!("{}/", issuer.name()) }), "the token is of another issuer"),
        (json!({ "aud": "billing" }), "the token is for another service"),
        (json!({ "exp": null }), "the token lacks iss, aud or exp"),
        (json!({ "iss": null }), "the token lacks iss, aud or exp"),
        (json!({ "aud": null }), "the token lacks iss, aud or exp"),
        (json!({ "exp": "tomorrow" }), "the token lacks iss, aud or exp"),
        (json!({ "nbf": "yesterday" }), "the token is not understood"),
    ] {
        let token = key.token(&issuer.claims(&claims));
        let wanted = (401, "invalid_token".to_owned(), why.to_owned());
        assert_eq!(verdict(&running, &token).await, wanted, "{claims}");
    }
    let critical = json!({ "alg": "RS256", "kid": "1", "crit": ["b64"], "b64": "x" });
    let others = [
        (stranger.token(&issuer.claims(&json!({}))), "the token's signature is wrong"),
        (format!("{head}x.{signature}"), "the token's signature is wrong"),
        (format!("{head}."), "the token's signature is wrong"),
        (key.token_with(&critical, &issuer.claims(&json!({}))), "the token is not understood"),
        (head.to_owned(), "the token is not understood"),
        ("a.b.c".to_owned(), "the token is not understood"),
        ("x".repeat(4000), "the token is not understood"),
    ];
    for (token, why) in others {
        assert_eq!(verdict(&running, &token).await.2, why, "{token}");
    }
    assert_eq!(verdict(&running, &good).await.0, 200);
    let leeway = json!({ "exp": now() - 20, "nbf": now() + 20 });
    assert_eq!(verdict(&running, &key.token(&issuer.claims(&leeway))).await.0, 200, "clocks differ");
}

/// RFC 8725, 2.1 and 3.1
#[tokio::test]
async fn a_token_does_not_choose_how_it_is_checked() {
    let (rsa, ec) = (Key::rsa("rsa"), Key::ec("ec"));
    let issuer = Issuer::start(&[]).await;
    let shared = json!({ "kty": "oct", "kid": "oct", "alg": "HS256", "k": encode("secret") });
    let encrypts = support::issuer::merged(Key::rsa("enc").jwk(), &json!({ "use": "enc" }));
    issuer.has(vec![json!("no key"), json!({ "kty": "new" }), shared, encrypts, rsa.jwk(), ec.jwk()]);
    let running = ready(&issuer, &[]).await;
    let claims = issuer.claims(&json!({}));

    let unsigned = format!("{}.{}.", encode(r#"{"alg":"none","kid":"rsa"}"#), encode(claims.to_string()));
    assert_eq!(verdict(&running, &unsigned).await.0, 401);
    // Signed with what everybody knows, the public key, as if it were a shared secret.
    let head = format!("{}.{}", encode(r#"{"alg":"HS256","kid":"rsa"}"#), encode(claims.to_string()));
    let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &rsa.public());
    let confused = format!("{head}.{}", encode(aws_lc_rs::hmac::sign(&secret, head.as_bytes())));
    assert_eq!(verdict(&running, &confused).await.2, "the token's algorithm is not allowed for its key");
    for (key, header) in [
        (&rsa, json!({ "alg": "RS512", "kid": "rsa" })),
        (&rsa, json!({ "alg": "RS256", "kid": "ec" })),
        (&ec, json!({ "alg": "ES256", "kid": "rsa" })),
    ] {
        let said = verdict(&running, &key.token_with(&header, &claims)).await.2;
        assert_eq!(said, "the token's algorithm is not allowed for its key", "{header}");
    }
    for id in ["oct", "enc"] {
        let header = json!({ "alg": "RS256", "kid": id });
        assert_eq!(
            verdict(&running, &rsa.token_with(&header, &claims)).await.2,
            "the token's key is not known"
        );
    }
    // One key of this kind: nobody has to name it.
    assert_eq!(verdict(&running, &ec.token_with(&json!({ "alg": "ES256" }), &claims)).await.0, 200);

    let only = ready(&issuer, &[("CHASSIS_AUTH__ALGORITHMS", "ES256")]).await;
    assert_eq!(verdict(&only, &ec.token(&claims)).await.0, 200);
    assert_eq!(verdict(&only, &rsa.token(&claims)).await.2, "the token's key is not known");
}

#[tokio::test]
async fn a_scope_that_is_missing_is_a_403_that_names_it() {
    let key = Key::ec("1");
    let issuer = Issuer::start(&[&key]).await;
    let running = ready(&issuer, &[("CHASSIS_AUTH__SCOPES", "orders.read")]).await;
    let token = |scope: &str| format!("Bearer {}", key.token(&issuer.claims(&json!({ "scope": scope }))));
    let ask = async |scope: &str| {
        let token = token(scope);
        let mut connection = Connection::open(running.service).await;
        connection
            .send(format!(
                "POST /code/ship HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nauthorization: {token}\r\n\r\n"
            ))
            .await;
        connection.answer().await
    };
    for (scope, missing) in [("orders.ship", "orders.read"), ("orders.read orders.shipping", "orders.ship")] {
        let answer = ask(scope).await;
        let said = format!("the token is not good for this; it needs the scope {missing}");
        assert_eq!((answer.status, answer.said()), (403, said));
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
        assert!(challenge.contains(&format!("scope=\"{missing}\"")), "{challenge}");
    }
    assert_eq!(ask("orders.read orders.ship").await.status, 200);
}

#[tokio::test]
async fn what_is_the_chassis_s_own_or_exempt_is_open_to_everybody() {
    let key = Key::ec("1");
    let issuer = Issuer::start(&[&key]).await;
    let running = ready(&issuer, &[("CHASSIS_AUTH__EXEMPT", "/open/*")]).await;
    for path in
        ["/status", "/metrics", "/openapi/", "/openapi/v3.json", "/openapi/spec.json", "/static/index.html"]
    {
        assert_eq!(get(running.service, path).await.status, 200, "{path}");
    }
    for path in ["/livez", "/readyz", "/startupz", "/metrics", "/workers"] {
        assert_eq!(get(running.admin, path).await.status, 200, "{path}");
    }
    let open = get(running.service, "/open/1").await;
    assert_eq!((open.status, &open.json()["data"]), (200, &json!(false)));
    assert_eq!(get(running.service, "/open/who/1").await.status, 401, "its handler asks for claims");
}

#[tokio::test]
async fn both_documents_say_that_a_token_is_needed() {
    let issuer = Issuer::start(&[&Key::ec("1")]).await;
    let name = issuer.name();
    let env = [
        ("CHASSIS_AUTH__ISSUER", name.as_str()),
        ("CHASSIS_AUTH__AUDIENCE", "orders"),
        ("CHASSIS_AUTH__SCOPES", "fibonacci"),
        ("CHASSIS_AUTH__EXEMPT", "/simple/{id}"),
    ];
    let running = Running::bundled(&env).await;
    let v3 = get(running.service, "/openapi/v3.json").await.json();
    let list = &v3["paths"]["/fibonacci/list"]["get"];
    let description = format!("An access token of {name}");
    let bearer =
        json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": description });
    assert_eq!(v3["components"]["securitySchemes"]["token"], bearer);
    assert_eq!(list["security"], json!([{ "token": ["fibonacci"] }]));
    assert!(list["responses"]["401"].is_object() && list["responses"]["403"].is_object());
    let exempt = &v3["paths"]["/simple/{id}"]["get"];
    assert!(exempt.get("security").is_none() && exempt["responses"].get("401").is_none());
    let v2 = get(running.service, "/openapi/spec.json").await.json();
    assert_eq!(v2["securityDefinitions"]["token"]["name"], "Authorization");
    assert_eq!(v2["paths"]["/fibonacci/list"]["get"]["security"], json!([{ "token": [] }]));
    for (document, schema) in [
        (v3, include_str!("data/openapi-3.1.schema.json")),
        (v2, include_str!("data/swagger-2.0.schema.json")),
    ] {
        let schema: Value = serde_json::from_str(schema).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        assert!(validator.iter_errors(&document).next().is_none());
    }
    assert_eq!(get(running.service, "/fibonacci/list?count=1").await.status, 401);
    assert_eq!(get(running.service, "/fibonacci/docs").await.status, 302, "documentation");
}

#[tokio::test]
async fn a_new_key_counts_as_soon_as_a_token_names_it_and_an_old_one_is_forgotten() {
    let (old, new) = (Key::rsa("old"), Key::ed("new"));
    let issuer = Issuer::start(&[&old]).await;
    let running = ready(&issuer, &[("CHASSIS_AUTH__PAUSE", "1ms")]).await;
    let (with_old, with_new) = (old.token(&issuer.claims(&json!({}))), new.token(&issuer.claims(&json!({}))));
    assert_eq!(verdict(&running, &with_old).await.0, 200);
    issuer.has(vec![old.jwk(), new.jwk()]);
    assert_eq!(verdict(&running, &with_new).await.0, 200, "the same request, not the next one");
    assert_eq!(verdict(&running, &with_old).await.0, 200);
    issuer.has(vec![new.jwk()]);
    // Any unknown key makes the set new.
    let other = Key::ec("other").token(&issuer.claims(&json!({})));
    until(401, async || {
        verdict(&running, &other).await;
        verdict(&running, &with_old).await.0
    })
    .await;
    assert_eq!(verdict(&running, &with_new).await.0, 200);
}

#[tokio::test]
async fn keys_are_fetched_again_at_their_interval() {
    let (old, new) = (Key::ec("1"), Key::ec("1"));
    let issuer = Issuer::start(&[&old]).await;
    let running = ready(&issuer, &[("CHASSIS_AUTH__PAUSE", "1ms"), ("CHASSIS_AUTH__REFRESH", "20ms")]).await;
    issuer.has(vec![new.jwk()]);
    let token = new.token(&issuer.claims(&json!({})));
    until(200, async || verdict(&running, &token).await.0).await;
}

#[tokio::test]
async fn a_storm_of_unknown_keys_is_one_fetch_per_pause() {
    let key = Key::ec("1");
    let issuer = Issuer::start(&[&key]).await;
    let running = ready(&issuer, &[("CHASSIS_AUTH__PAUSE", "300ms")]).await;
    let unknown = |n: usize| {
        key.token_with(&json!({ "alg": "ES256", "kid": format!("k{n}") }), &issuer.claims(&json!({})))
    };
    // The pause after the first fetch, in which the storm would be refused without any.
    until(2, async || {
        verdict(&running, &unknown(0)).await;
        issuer.fetches()
    })
    .await;
    let tokens: Vec<_> = (0..200).map(unknown).collect();
    let began = std::time::Instant::now();
    let verdicts = futures::future::join_all(tokens.iter().map(|token| verdict(&running, token))).await;
    assert!(verdicts.iter().all(|(status, ..)| *status == 401));
    for n in 0..30 {
        assert_eq!(verdict(&running, &unknown(n)).await.0, 401);
    }
    let most = 3 + began.elapsed().as_millis() / 300;
    assert!((2..=most).contains(&(issuer.fetches() as u128)), "{} of {most}", issuer.fetches());
    assert_eq!(verdict(&running, &key.token(&issuer.claims(&json!({})))).await.0, 200);
}

#[tokio::test]
async fn an_issuer_that_is_away_at_the_start_delays_readiness_and_nothing_else() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let name = format!("http://{address}");
    let running = service(&name, &[("CHASSIS_AUTH__PAUSE", "10ms")]).await;
    until(json!(["keys of the token issuer"]), async || {
        get(running.admin, "/readyz").await.json()["reasons"].clone()
    })
    .await;
    assert_eq!(get(running.admin, "/startupz").await.status, 200, "a restart would not help");
    assert_eq!(get(running.service, "/status").await.status, 200);
    let key = Key::ec("1");
    let early = shown(&running, "/code", "a.b.c").await;
    assert_eq!((early.status, early.header("retry-after")), (503, Some("1")));
    assert_eq!(early.said(), "tokens cannot be checked yet");
    let issuer = Issuer::start_at(address, &[&key]).await;
    until(200, async || get(running.admin, "/readyz").await.status).await;
    assert_eq!(verdict(&running, &key.token(&issuer.claims(&json!({})))).await.0, 200);
}

#[tokio::test]
async fn the_keys_at_hand_count_while_the_issuer_is_away() {
    let key = Key::ec("1");
    let issuer = Issuer::start(&[&key]).await;
    let running = ready(&issuer, &[("CHASSIS_AUTH__PAUSE", "5ms"), ("CHASSIS_AUTH__REFRESH", "10ms")]).await;
    let token = key.token(&issuer.claims(&json!({})));
    issuer.answers(503);
    let failed = "chassis_upstream_calls_total{method=\"GET\",outcome=\"5xx\",upstream=\"auth\"} 3";
    until(true, async || metric(&running, failed).await).await;
    assert_eq!(verdict(&running, &token).await.0, 200);
    assert_eq!(get(running.admin, "/readyz").await.status, 200);
    issuer.answers(200);
    // An issuer without keys has lost them, and nobody's tokens have become bad.
    issuer.has(Vec::new());
    let fetches = issuer.fetches();
    until(true, async || issuer.fetches() > fetches + 1).await;
    assert_eq!(verdict(&running, &token).await.0, 200);
}

#[tokio::test]
async fn the_log_says_what_is_wrong_with_the_issuer_and_never_a_token() {
    let key = Key::ec("1");
    let issuer = Issuer::start(&[&key]).await;
    // Spelt otherwise than the issuer spells itself.
    let sections = format!(
        "auth: {{issuer: \"{}/\", audience: orders, pause: 5ms}}\nlogging: {{level: DEBUG}}",
        issuer.name()
    );
    let mut process = Process::start(&sections).await;
    let line = process.logs("cannot be fetched").await;
    let expected = format!("it calls itself {:?}; write exactly that in auth.issuer", issuer.name());
    assert!(line.contains(&expected), "{line}");

    let sections = format!(
        "auth: {{issuer: \"{}\", audience: orders, pause: 5ms}}\nlogging: {{level: DEBUG}}",
        issuer.name()
    );
    let mut process = Process::start(&sections).await;
    until(200, async || get(process.admin, "/readyz").await.status).await;
    let token = key.token(&issuer.claims(&json!({ "exp": 1 })));
    let bearer = format!("Bearer {token}");
    let answer = get_with(process.service, "/simple/1", &[("authorization", &bearer)]).await;
    assert_eq!(answer.status, 401);
    let mut said = process.logs("refused: the token has expired").await;
    said += &process.logs("path=\"/simple/1\"").await;
    assert!(token.split('.').all(|part| !said.contains(part)), "{said}");
    process.signal("TERM").await;
    assert_eq!(process.exit_code().await, Some(0), "the refresh ends with the rest");
}

#[tokio::test]
async fn what_is_wrong_with_the_settings_is_said_at_the_start() {
    let env = [("CHASSIS_AUTH__ISSUER", "login.example.org"), ("CHASSIS_AUTH__ALGORITHMS", "HS256")];
    let output = soon("the check", support::process::run(&env, &["config", "check"])).await;
    assert_eq!(output.status.code(), Some(64));
    let said = support::process::stderr(&output);
    assert!(said.contains("write a URL such as https://login.example.org"), "{said}");
    assert!(said.contains("write one or more of RS256"), "{said}");
}
