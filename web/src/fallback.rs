//! What is answered where no operation is: 404 for an unknown path, 405 with `Allow` for a known one.

use actix_web::{
    HttpRequest, HttpResponse,
    dev::ResourceDef,
    web::{self, Data},
};
use utoipa::openapi::{PathItem, Paths};

use crate::{Code, Problem};

/// Which paths there are, and with which methods. Keep it as `Data` of the app.
pub struct AllowedMethods(Vec<(ResourceDef, String)>);

impl std::fmt::Debug for AllowedMethods {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AllowedMethods({})", self.0.len())
    }
}

impl AllowedMethods {
    /// The paths of the API's description, and others that it does not describe (path, methods).
    pub fn new(paths: &Paths, others: &[(&str, &str)]) -> Self {
        let described = paths
            .paths
            .iter()
            .map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item)));
        let others = others
            .iter()
            .map(|(path, methods)| (ResourceDef::new(*path), (*methods).to_owned()));
        Self(described.chain(others).collect())
    }

    /// The methods of a path, if there is one.
    pub fn methods(&self, path: &str) -> Option<&str> {
        // A path without parameters wins over one that has them: `/users/me` over `/users/{id}`.
        let found = self.0.iter().filter(|(pattern, _)| pattern.is_match(path));
        found
            .min_by_key(|(pattern, _)| pattern.pattern().map_or(0, |text| text.matches('{').count()))
            .map(|(_, methods)| methods.as_str())
    }
}

fn methods(item: &PathItem) -> String {
    let all = [
        ("DELETE", item.delete.is_some()),
        ("GET", item.get.is_some()),
        ("PATCH", item.patch.is_some()),
        ("POST", item.post.is_some()),
        ("PUT", item.put.is_some()),
    ];
    let present: Vec<&str> = all
        .iter()
        .filter(|(_, present)| *present)
        .map(|(name, _)| *name)
        .collect();
    present.join(", ")
}

/// The app's default service.
pub fn route() -> actix_web::Route {
    web::to(answer)
}

async fn answer(request: HttpRequest) -> HttpResponse {
    let allow = request
        .app_data::<Data<AllowedMethods>>()
        .and_then(|paths| paths.methods(request.path()));
    let problem = match allow {
        Some(allow) => Problem::from(Code::MethodNotAllowed).allow(allow),
        None => Code::NotFound.into(),
    };
    HttpResponse::from_error(problem)
}
