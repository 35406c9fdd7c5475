//! What a document holds: the file itself, its text, its lines.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    web::{Data, Path},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use spendlog_schemas::{
    documents::{DocumentLine, DocumentText, LinesQuery, OriginalFile},
    headers::SeenPosition,
    page::Page,
    problem::ProblemDetails,
};
use spendlog_web::{Caller, Code, Problem, body::Query};

use super::find;
use crate::{
    ReadApi,
    answer::{JSON, after, limits, paged},
    files,
};

/// Download the file as it was uploaded
#[utoipa::path(
    operation_id = "documents.original", tag = "documents", security(("bearer" = [])),
    params(("id" = String, Path, description = "The document"), SeenPosition),
    responses(
        (status = 200, body = OriginalFile, content_type = "application/octet-stream", description = "The file, with its own media type"),
        ProblemDetails,
    ),
)]
#[get("/finance/documents/{id}/original")]
pub(crate) async fn original(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let found = find(&api, caller, &request, &path).await?;
    let content = files::content(&api, found.book, &found.file).await?;
    let name = found.name.clear().unwrap_or("document");
    // It is somebody else's file: never shown in place, never run, never guessed at (the edge forbids sniffing).
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, found.media_type.as_str()))
        .insert_header((CONTENT_DISPOSITION, disposition(name)))
        .insert_header((CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .no_chunking(found.file.bytes)
        .streaming(content))
}

/// The header by which a file is saved under its name (RFC 6266), whatever letters that has.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "._- ".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// As much of the recognised text as its plain form needs.
#[derive(Deserialize)]
struct Reading {
    #[serde(default)]
    pages: Vec<ReadPage>,
    #[serde(default)]
    tables: Vec<Table>,
}

#[derive(Deserialize)]
struct ReadPage {
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    words: Vec<Word>,
}

#[derive(Deserialize)]
struct Word {
    text: String,
}

#[derive(Deserialize)]
struct Table {
    rows: Vec<Vec<String>>,
}

impl Reading {
    fn plain(&self) -> String {
        let mut text = String::new();
        for (number, page) in self.pages.iter().enumerate() {
            if number > 0 {
                text.push('\n');
            }
            for line in &page.lines {
                let words: Vec<&str> = line.words.iter().map(|word| word.text.as_str()).collect();
                text.push_str(&words.join(" "));
                text.push('\n');
            }
        }
        for row in self.tables.iter().flat_map(|table| &table.rows) {
            text.push_str(&row.join("\t"));
            text.push('\n');
        }
        text
    }
}

/// The recognised text, with the place of each word
#[utoipa::path(
    operation_id = "documents.text", tag = "documents", security(("bearer" = [])),
    params(("id" = String, Path, description = "The document"), SeenPosition),
    responses((status = 200, body = DocumentText), ProblemDetails),
)]
#[get("/finance/documents/{id}/text")]
pub(crate) async fn recognised(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, Problem> {
    let found = find(&api, caller, &request, &path).await?;
    let file = found.text.ok_or_else(|| Problem::from(Code::DocumentNotReady))?.file;
    let text = files::parsed(&api, found.book, &file, |content| {
        serde_json::to_string(&serde_json::from_slice::<Reading>(content)?.plain())
    });
    let text = text.await?;
    // The reading goes out as it is kept, piece by piece: it is many times as long as its text, and clients may be slow.
    let reading = files::content(&api, found.book, &file).await?;
    let begin = stream::iter([Ok(Bytes::from(format!("{{\"text\":{text},\"reading\":")))]);
    let end = stream::iter([Ok(Bytes::from_static(b"}"))]);
    Ok(HttpResponse::Ok()
        .insert_header(JSON)
        .streaming(begin.chain(reading).chain(end)))
}

/// The items or movements of a document
#[utoipa::path(
    operation_id = "documents.lines", tag = "documents", security(("bearer" = [])),
    params(("id" = String, Path, description = "The document"), LinesQuery, SeenPosition),
    responses((status = 200, body = Page<DocumentLine>), ProblemDetails),
)]
#[get("/finance/documents/{id}/lines")]
pub(crate) async fn lines(
    api: Data<ReadApi>,
    caller: Caller,
    request: HttpRequest,
    path: Path<String>,
    query: Query<LinesQuery>,
) -> Result<HttpResponse, Problem> {
    let (shown, _) = limits(query.0.limit)?;
    let from: u32 = after(query.0.after.as_deref())?.map_or(0, |last: u32| last.saturating_add(1));
    let found = find(&api, caller, &request, &path).await?;
    let lines = match &found.lines {
        Some(lines) => files::lines(&api, &found, &lines.file, from, shown + 1).await?,
        None => Vec::new(),
    };
    paged(&request, shown, lines, |line| line.number, |line| line)
}

#[cfg(test)]
mod tests {
    use super::disposition;

    #[test]
    fn names_are_saved_as_they_are_and_can_not_break_out() {
        assert_eq!(
            disposition("a b.pdf"),
            "attachment; filename=\"a b.pdf\"; filename*=UTF-8''a%20b.pdf"
        );
        assert_eq!(
            disposition("é\"\r\n.pdf"),
            "attachment; filename=\"____.pdf\"; filename*=UTF-8''%C3%A9%22%0D%0A.pdf"
        );
    }
}
