//! Uploads over HTTP: a form whose file is passed on as it arrives.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::{HttpRequest, HttpResponse, post, web::Data};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use spendlog_domain::{
    documents::EngineChoice,
    values::{AccountId, BookId, FileRef, Text, UserId},
};
use spendlog_event_store::StoredFile;
use spendlog_schemas::{documents as schemas, headers::IdempotencyKey, problem::ProblemDetails, written::Written};
use spendlog_web::{Caller, Code, Problem};

use crate::{
    Commands,
    documents::{UploadDocument, upload as use_case},
    http::{context, created},
    input,
};

/// How much of a file is looked at to tell its type, in bytes.
const HEAD: usize = 8 * 1024;
/// The longest part that is not the file, in bytes.
const PART_MAX: usize = 256;

/// The parts that came so far.
#[derive(Default)]
struct Parts {
    book: Option<BookId>,
    account: Option<AccountId>,
    engine: Option<EngineChoice>,
    file: Option<Received>,
}

/// The file, once it is in the store.
struct Received {
    book: BookId,
    stored: StoredFile,
    media_type: &'static str,
    name: Text,
}

/// Upload a document
///
/// Its type is told by its content. The same file in the same book again answers 200 with the first document.
#[utoipa::path(
    operation_id = "documents.upload", tag = "documents", security(("bearer" = [])),
    request_body(content = schemas::UploadDocument, content_type = "multipart/form-data"),
    params(IdempotencyKey),
    responses(
        (status = 201, body = Written),
        (status = 200, body = Written, description = "The file was there"),
        ProblemDetails,
    ),
)]
#[post("/finance/documents")]
pub(crate) async fn upload(
    commands: Data<Commands>,
    request: HttpRequest,
    caller: Caller,
    mut form: Multipart,
) -> Result<HttpResponse, Problem> {
    let user = UserId::new(caller.user);
    let mut parts = Parts::default();
    while let Some(field) = form.try_next().await.map_err(broken)? {
        receive(&commands, user, &mut parts, field).await?;
    }
    let Parts {
        book,
        account,
        engine,
        file,
    } = parts;
    let Some(Received {
        book: stored_in,
        mut stored,
        media_type,
        name,
    }) = file
    else {
        return Err(Problem::new(Code::MalformedMultipart, "the form has no part `file`"));
    };
    // Whoever sends the file before the parts that say where it belongs has it stored twice.
    let book = use_case::book_meant(&commands, user, book, account).await?;
    if book != stored_in {
        stored = use_case::copy(&commands, stored_in, &stored, book).await?;
    }
    let content = format!("{book} {} {account:?} {engine:?}", stored.object);
    let context = context(&request, caller, content.as_bytes()).await?;
    let upload = UploadDocument {
        book,
        file: FileRef {
            object: stored.object,
            bytes: stored.bytes,
        },
        media_type,
        name,
        account,
        engine,
    };
    Ok(created(commands.run(&context, &upload).await?, "/finance/documents"))
}

async fn receive(commands: &Commands, user: UserId, parts: &mut Parts, field: Field) -> Result<(), Problem> {
    match field.name().unwrap_or_default() {
        "book" => parts.book = Some(input::id("/book", &text(field).await?)?),
        "account" => parts.account = Some(input::id("/account", &text(field).await?)?),
        "engine" => {
            let Ok(engine) = text(field).await?.parse() else {
                return Err(Problem::field("/engine", "one of ort, ocrs, tesseract"));
            };
            parts.engine = Some(engine);
        }
        "file" if parts.file.is_none() => {
            let book = use_case::book_meant(commands, user, parts.book, parts.account).await?;
            parts.file = Some(file(commands, book, field).await?);
        }
        "file" => return Err(Problem::new(Code::MalformedMultipart, "one file at a time")),
        _ => {
            return Err(Problem::new(
                Code::MalformedMultipart,
                "the form has a part that is none of an upload",
            ));
        }
    }
    Ok(())
}

/// Passes the file on to the store, once its beginning has told what it is.
async fn file(commands: &Commands, book: BookId, field: Field) -> Result<Received, Problem> {
    let given = field
        .content_disposition()
        .and_then(|disposition| disposition.get_filename())
        .unwrap_or_default();
    // Some clients send the whole path.
    let name = given.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    // A small file ends with its head, and must not be asked again.
    let mut field = field.fuse();
    let mut begun: Vec<Bytes> = Vec::new();
    while begun.iter().map(Bytes::len).sum::<usize>() < HEAD {
        let Some(piece) = field.try_next().await.map_err(broken)? else {
            break;
        };
        begun.push(piece);
    }
    let head = begun.concat();
    if head.is_empty() {
        return Err(Problem::field("/file", "the file is empty"));
    }
    let named = (!name.is_empty()).then_some(&*name);
    let Some(media_type) = (commands.sniff)(&head, named) else {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "the file is of no type that can be read",
        ));
    };
    let content = stream::iter(begun.into_iter().map(Ok)).chain(field.map_err(broken));
    let stored = use_case::store(commands, book, content).await?;
    let name = Text::from(if name.trim().is_empty() {
        "document".to_owned()
    } else {
        name
    });
    Ok(Received {
        book,
        stored,
        media_type,
        name,
    })
}

async fn text(mut field: Field) -> Result<String, Problem> {
    let invalid = || Problem::new(Code::MalformedMultipart, "a part is no short text");
    let bytes = field.bytes(PART_MAX).await.map_err(|_| invalid())?.map_err(broken)?;
    String::from_utf8(bytes.into())
        .map(|text| text.trim().to_owned())
        .map_err(|_| invalid())
}

fn broken(error: MultipartError) -> Problem {
    match error {
        MultipartError::ContentTypeMissing
        | MultipartError::ContentTypeParse
        | MultipartError::ContentTypeIncompatible
        | MultipartError::BoundaryMissing => Problem::new(
            Code::UnsupportedMediaType,
            "the body must be multipart/form-data with a boundary",
        ),
        error => Problem::new(Code::MalformedMultipart, error.to_string()),
    }
}
