//! gRPC as it goes over the wire: messages with a flag and their length before them, and a status in the trailers.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Frame, Incoming},
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use prost::Message;
use tokio::{
    net::TcpListener,
    sync::mpsc,
    task::{AbortHandle, JoinSet},
};

/// How a call ends.
#[derive(Debug)]
pub(crate) struct Status {
    code: u32,
    message: String,
    /// EventStoreDB says in a trailer of this name what happened.
    exception: Option<&'static str>,
}

impl Status {
    pub(crate) fn ok() -> Self {
        Self::new(0, "")
    }

    pub(crate) fn new(code: u32, message: &str) -> Self {
        let message = message.to_owned();
        Self {
            code,
            message,
            exception: None,
        }
    }

    pub(crate) fn exception(mut self, exception: &'static str) -> Self {
        self.exception = Some(exception);
        self
    }

    fn trailers(self) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", self.code.into());
        let message = HeaderValue::from_str(&self.message).expect("plain text");
        trailers.insert("grpc-message", message);
        if let Some(exception) = self.exception {
            let name = HeaderName::from_static("exception");
            trailers.insert(name, HeaderValue::from_static(exception));
        }
        trailers
    }
}

/// What the client sends.
pub(crate) struct Requests {
    body: Incoming,
    bytes: BytesMut,
}

impl Requests {
    /// The next message; none when the client sends no more.
    pub(crate) async fn next<M: Message + Default>(&mut self) -> Option<M> {
        loop {
            if let Some(head) = self.bytes.first_chunk::<5>() {
                let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
                if self.bytes.len() >= 5 + length {
                    self.bytes.advance(5);
                    return Some(M::decode(self.bytes.split_to(length)).expect("a message of the protocol"));
                }
            }
            let frame = self.body.frame().await?.ok()?;
            self.bytes.extend_from_slice(frame.data_ref()?);
        }
    }
}

/// What goes back.
#[derive(Clone)]
pub(crate) struct Answers(mpsc::Sender<Result<Frame<Bytes>, Infallible>>);

impl Answers {
    /// Whether the client is still there.
    pub(crate) async fn send(&self, message: &impl Message) -> bool {
        let mut bytes = BytesMut::new();
        bytes.put_u8(0);
        bytes.put_u32(u32::try_from(message.encoded_len()).expect("a short message"));
        message.encode(&mut bytes).expect("there is room");
        self.0.send(Ok(Frame::data(bytes.freeze()))).await.is_ok()
    }

    /// Resolves when the client is gone.
    pub(crate) async fn closed(&self) {
        self.0.closed().await;
    }
}

/// Answers a call: path, what the client sends, what goes back.
pub(crate) type Service = Arc<dyn Fn(String, Requests, Answers) -> BoxFuture<'static, Status> + Send + Sync>;

/// A server that listens. Aborted, it is gone with all its connections.
pub(crate) async fn serve(address: SocketAddr, service: Service) -> (SocketAddr, AbortHandle) {
    let listener = loop {
        // The one before may just be going.
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    let address = listener.local_addr().expect("it is bound");
    let accept = async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.expect("it listens");
            let service = service.clone();
            connections.spawn(async move {
                let answer = service_fn(move |request: Request<Incoming>| {
                    let service = service.clone();
                    async move { Ok::<_, Infallible>(call(request, &service)) }
                });
                let connection = Builder::new(TokioExecutor::new()).http2_only();
                // However the client ends it.
                let _ended = connection.serve_connection(TokioIo::new(stream), answer).await;
            });
        }
    };
    (address, tokio::spawn(accept).abort_handle())
}

fn call(request: Request<Incoming>, service: &Service) -> Response<BoxBody<Bytes, Infallible>> {
    let (sender, mut receiver) = mpsc::channel(64);
    let path = request.uri().path().to_owned();
    let requests = Requests {
        body: request.into_body(),
        bytes: BytesMut::new(),
    };
    let answering = service(path, requests, Answers(sender.clone()));
    tokio::spawn(async move {
        let trailers = answering.await.trailers();
        // The client may be gone.
        let _sent = sender.send(Ok(Frame::trailers(trailers))).await;
    });
    let frames = futures_util::stream::poll_fn(move |context| receiver.poll_recv(context));
    let body = BoxBody::new(StreamBody::new(frames));
    let response = Response::builder().header(CONTENT_TYPE, "application/grpc");
    response.body(body).expect("a response")
}
