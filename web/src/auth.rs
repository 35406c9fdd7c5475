//! Who is calling: access tokens of 15 minutes, refresh tokens of 30 days.
//!
//! Both are JSON Web Tokens (HS256) and name user and session. An access token is believed until it expires, unless its
//! user was forgotten; a refresh token is only good while its session lasts, which whoever exchanges it must find out from
//! the user's own history.

mod password;

use std::{
    future::{Ready, ready},
    sync::Arc,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::AUTHORIZATION, web::Data};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Clock, Code, Problem};

pub use password::{PasswordCost, Passwords};

/// How long an access token is good for, in seconds.
pub const ACCESS_SECONDS: i64 = 15 * 60;
/// How long a refresh token is good for, in seconds.
pub const REFRESH_SECONDS: i64 = 30 * 24 * 60 * 60;
/// Who issues the tokens.
const ISSUER: &str = "spendlog";
/// The longest token, in bytes.
const TOKEN_MAX: usize = 4096;

/// What a caller may do beyond what is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Nothing beyond their own books.
    Member,
    /// The running of the system.
    Admin,
}

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Purpose {
    Access,
    Refresh,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: Purpose,
    sub: Uuid,
    sid: Uuid,
    role: Role,
    iat: i64,
    exp: i64,
}

/// Who sent a request, as its access token says. As an extractor it answers 401 where there is no good token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub user: Uuid,
    /// The session that the token was got in.
    pub session: Uuid,
    /// What they may do beyond what is theirs.
    pub role: Role,
}

/// A fresh pair of tokens.
#[derive(Clone)]
pub struct Pair {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
}

/// Makes and checks tokens. Keep it as `Data` of the app.
#[derive(Clone)]
pub struct TokenKeys {
    clock: Clock,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    refused: Arc<dyn Fn(Uuid) -> bool + Send + Sync>,
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKeys")
    }
}

impl TokenKeys {
    /// Signs with this secret.
    pub fn new(secret: &[u8; 32], clock: Clock) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Times and audience are checked below, by our own clock.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        validation.set_issuer(&[ISSUER]);
        Self {
            clock,
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            refused: Arc::new(|_| false),
        }
    }

    /// Also refuses the tokens of these users, however long they would be good for.
    #[must_use]
    pub fn refusing(self, refused: impl Fn(Uuid) -> bool + Send + Sync + 'static) -> Self {
        Self {
            refused: Arc::new(refused),
            ..self
        }
    }

    /// Fresh tokens for a caller.
    pub fn issue(&self, caller: Caller) -> Result<Pair, Problem> {
        let token = |aud, seconds| {
            let iat = self.clock.now().timestamp();
            let Caller {
                user: sub,
                session: sid,
                role,
            } = caller;
            let claims = Claims {
                iss: ISSUER.to_owned(),
                aud,
                sub,
                sid,
                role,
                iat,
                exp: iat + seconds,
            };
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding).map_err(Problem::internal)
        };
        Ok(Pair {
            access: token(Purpose::Access, ACCESS_SECONDS)?,
            refresh: token(Purpose::Refresh, REFRESH_SECONDS)?,
        })
    }

    /// Whose access token this is.
    pub fn access(&self, token: &str) -> Result<Caller, Problem> {
        self.check(token, Purpose::Access)
            .ok_or_else(|| Code::Unauthenticated.into())
    }

    /// Whose refresh token this is. Whether the session still lasts is for the caller to find out.
    pub fn refresh(&self, token: &str) -> Result<Caller, Problem> {
        self.check(token, Purpose::Refresh)
            .ok_or_else(|| Code::SessionEnded.into())
    }

    fn check(&self, token: &str, purpose: Purpose) -> Option<Caller> {
        if token.len() > TOKEN_MAX {
            return None;
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .ok()?
            .claims;
        let good = claims.aud == purpose && self.clock.now().timestamp() < claims.exp && !(self.refused)(claims.sub);
        good.then_some(Caller {
            user: claims.sub,
            session: claims.sid,
            role: claims.role,
        })
    }
}

impl Caller {
    /// The caller of a request.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let keys = request
            .app_data::<Data<TokenKeys>>()
            .ok_or_else(|| Problem::internal("the app has no token keys"))?;
        let value = request
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => keys.access(token.trim()),
            _ => Err(Code::Unauthenticated.into()),
        }
    }

    /// Refuses all but those who run the system.
    pub fn admin(self) -> Result<Self, Problem> {
        if self.role == Role::Admin {
            Ok(self)
        } else {
            Err(Code::Forbidden.into())
        }
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}
