//! An issuer of tokens with keys of its own, on the chassis; tokens are signed by hand, so that bad ones can be made.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeySize, PublicKeyComponents},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
        RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
    },
};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chassis::App;
use serde_json::{Value, json};

use super::running::Running;

const DISCOVERY: &str = "/.well-known/openid-configuration";

/// A pair of keys and how it signs.
pub struct Key {
    pub id: String,
    pub algorithm: &'static str,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Key {
    pub fn rsa(id: &str) -> Self {
        Self::new(id, "RS256", Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap(), &RSA_PKCS1_SHA256))
    }

    pub fn pss(id: &str) -> Self {
        Self::new(id, "PS512", Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap(), &RSA_PSS_SHA512))
    }

    pub fn ec(id: &str) -> Self {
        Self::new(id, "ES256", Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()))
    }

    pub fn ed(id: &str) -> Self {
        Self::new(id, "EdDSA", Pair::Ed(Ed25519KeyPair::generate().unwrap()))
    }

    fn new(id: &str, algorithm: &'static str, pair: Pair) -> Self {
        Self { id: id.to_owned(), algorithm, pair }
    }

    /// The modulus of an RSA key: what everybody knows of it.
    pub fn public(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair, _) => PublicKeyComponents::<Vec<u8>>::from(pair.public_key()).n,
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    pub fn jwk(&self) -> Value {
        let common = json!({ "kid": self.id, "use": "sig", "alg": self.algorithm });
        let own = match &self.pair {
            Pair::Rsa(pair, _) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "n": encode(&public.n), "e": encode(&public.e) })
            }
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) })
            }
            Pair::Ed(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key()) }),
        };
        merged(common, &own)
    }

    /// A token with `claims` and the header that belongs to this key.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({ "alg": self.algorithm, "kid": self.id, "typ": "at+jwt" }), claims)
    }

    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        format!("{signed}.{}", encode(self.sign(signed.as_bytes())))
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// `object` with the members of `more`.
pub fn merged(mut object: Value, more: &Value) -> Value {
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[derive(Default)]
struct State {
    name: String,
    keys: Vec<Value>,
    status: StatusCode,
    fetches: usize,
}

/// The server.
pub struct Issuer {
    state: Arc<Mutex<State>>,
    _running: Running,
}

impl Issuer {
    pub async fn start(keys: &[&Key]) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), keys).await
    }

    pub async fn start_at(address: SocketAddr, keys: &[&Key]) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let discovery = Arc::clone(&state);
        let set = Arc::clone(&state);
        let app = App::new()
            .unwrap()
            .route(
                DISCOVERY,
                get(async move || {
                    let state = discovery.lock().unwrap();
                    let keys = format!("{}/keys", state.name);
                    state.answer(&json!({ "issuer": state.name, "jwks_uri": keys }))
                }),
            )
            .route(
                "/keys",
                get(async move || {
                    let mut state = set.lock().unwrap();
                    state.fetches += 1;
                    state.answer(&json!({ "keys": state.keys }))
                }),
            );
        let listen = format!("http://{address}");
        let running = Running::with(&[("CHASSIS_SERVER__LISTEN", &listen)], app).await;
        state.lock().unwrap().name = format!("http://{}", running.service);
        let issuer = Self { state, _running: running };
        issuer.has(keys.iter().map(|key| key.jwk()).collect());
        issuer
    }

    /// Its URL.
    pub fn name(&self) -> String {
        self.state.lock().unwrap().name.clone()
    }

    /// Its keys from now on.
    pub fn has(&self, keys: Vec<Value>) {
        self.state.lock().unwrap().keys = keys;
    }

    /// What it answers from now on.
    pub fn answers(&self, status: u16) {
        self.state.lock().unwrap().status = StatusCode::from_u16(status).unwrap();
    }

    /// How often its keys were asked for.
    pub fn fetches(&self) -> usize {
        self.state.lock().unwrap().fetches
    }

    /// Claims of a good token for `orders`, with `more`; null takes one away.
    pub fn claims(&self, more: &Value) -> Value {
        let claims = json!({
            "iss": self.name(), "aud": "orders", "sub": "ada", "nbf": now() - 10, "exp": now() + 600,
        });
        let mut claims = merged(claims, more);
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }
}

impl State {
    fn answer(&self, body: &Value) -> Response {
        (self.status, body.to_string()).into_response()
    }
}
