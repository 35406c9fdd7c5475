//! Those messages of EventStoreDB's protocol that the transport needs, by the numbers of their published definitions.

use std::collections::HashMap;

use prost::{Message, Oneof};

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Empty {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Uuid {
    #[prost(oneof = "UuidValue", tags = "1, 2")]
    pub(crate) value: Option<UuidValue>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum UuidValue {
    #[prost(message, tag = "1")]
    Structured(Structured),
    #[prost(string, tag = "2")]
    String(String),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Structured {
    #[prost(int64, tag = "1")]
    pub(crate) most_significant_bits: i64,
    #[prost(int64, tag = "2")]
    pub(crate) least_significant_bits: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamIdentifier {
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) stream_name: Vec<u8>,
}

/// Of `server_features.ServerFeatures/GetSupportedMethods`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SupportedMethods {
    #[prost(message, repeated, tag = "1")]
    pub(crate) methods: Vec<SupportedMethod>,
    #[prost(string, tag = "2")]
    pub(crate) event_store_server_version: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SupportedMethod {
    #[prost(string, tag = "1")]
    pub(crate) method_name: String,
    #[prost(string, tag = "2")]
    pub(crate) service_name: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) features: Vec<String>,
}

/// Of `streams.Streams/Append`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AppendReq {
    #[prost(oneof = "AppendContent", tags = "1, 2")]
    pub(crate) content: Option<AppendContent>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum AppendContent {
    #[prost(message, tag = "1")]
    Options(AppendOptions),
    #[prost(message, tag = "2")]
    ProposedMessage(ProposedMessage),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AppendOptions {
    #[prost(message, optional, tag = "1")]
    pub(crate) stream_identifier: Option<StreamIdentifier>,
    #[prost(oneof = "ExpectedStreamRevision", tags = "2, 3, 4, 5")]
    pub(crate) expected: Option<ExpectedStreamRevision>,
}

#[derive(Clone, Copy, PartialEq, Oneof)]
pub(crate) enum ExpectedStreamRevision {
    #[prost(uint64, tag = "2")]
    Revision(u64),
    #[prost(message, tag = "3")]
    NoStream(Empty),
    #[prost(message, tag = "4")]
    Any(Empty),
    #[prost(message, tag = "5")]
    StreamExists(Empty),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ProposedMessage {
    #[prost(message, optional, tag = "1")]
    pub(crate) id: Option<Uuid>,
    #[prost(map = "string, string", tag = "2")]
    pub(crate) metadata: HashMap<String, String>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) custom_metadata: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AppendResp {
    #[prost(oneof = "AppendResult", tags = "1, 2")]
    pub(crate) result: Option<AppendResult>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum AppendResult {
    #[prost(message, tag = "1")]
    Success(AppendSuccess),
    #[prost(message, tag = "2")]
    WrongExpectedVersion(WrongExpectedVersion),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AppendSuccess {
    #[prost(oneof = "SuccessRevision", tags = "1, 2")]
    pub(crate) current: Option<SuccessRevision>,
    #[prost(oneof = "SuccessPosition", tags = "3, 4")]
    pub(crate) position: Option<SuccessPosition>,
}

#[derive(Clone, Copy, PartialEq, Oneof)]
pub(crate) enum SuccessRevision {
    #[prost(uint64, tag = "1")]
    Current(u64),
    #[prost(message, tag = "2")]
    NoStream(Empty),
}

#[derive(Clone, Copy, PartialEq, Oneof)]
pub(crate) enum SuccessPosition {
    #[prost(message, tag = "3")]
    Position(Position),
    #[prost(message, tag = "4")]
    NoPosition(Empty),
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Position {
    #[prost(uint64, tag = "1")]
    pub(crate) commit_position: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) prepare_position: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct WrongExpectedVersion {
    #[prost(oneof = "WrongCurrent", tags = "6, 7")]
    pub(crate) current: Option<WrongCurrent>,
    #[prost(oneof = "WrongExpected", tags = "8, 9, 10, 11")]
    pub(crate) expected: Option<WrongExpected>,
}

#[derive(Clone, Copy, PartialEq, Oneof)]
pub(crate) enum WrongCurrent {
    #[prost(uint64, tag = "6")]
    Revision(u64),
    #[prost(message, tag = "7")]
    NoStream(Empty),
}

#[derive(Clone, Copy, PartialEq, Oneof)]
pub(crate) enum WrongExpected {
    #[prost(uint64, tag = "8")]
    Revision(u64),
    #[prost(message, tag = "9")]
    Any(Empty),
    #[prost(message, tag = "10")]
    StreamExists(Empty),
    #[prost(message, tag = "11")]
    NoStream(Empty),
}

/// Of `streams.Streams/Read`, as far as a stream is read forwards.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamReadReq {
    #[prost(message, optional, tag = "1")]
    pub(crate) options: Option<StreamReadOptions>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamReadOptions {
    #[prost(message, optional, tag = "1")]
    pub(crate) stream: Option<StreamOptions>,
    #[prost(uint64, tag = "5")]
    pub(crate) count: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamOptions {
    #[prost(message, optional, tag = "1")]
    pub(crate) stream_identifier: Option<StreamIdentifier>,
    #[prost(uint64, tag = "2")]
    pub(crate) revision: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamReadResp {
    #[prost(oneof = "StreamReadContent", tags = "1, 4")]
    pub(crate) content: Option<StreamReadContent>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum StreamReadContent {
    #[prost(message, tag = "1")]
    Event(ReadEvent),
    #[prost(message, tag = "4")]
    StreamNotFound(StreamNotFound),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamNotFound {
    #[prost(message, optional, tag = "1")]
    pub(crate) stream_identifier: Option<StreamIdentifier>,
}

/// The same for streams and for persistent subscriptions, but for what is left out here.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReadEvent {
    #[prost(message, optional, tag = "1")]
    pub(crate) event: Option<RecordedEvent>,
    #[prost(uint64, optional, tag = "3")]
    pub(crate) commit_position: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RecordedEvent {
    #[prost(message, optional, tag = "1")]
    pub(crate) id: Option<Uuid>,
    #[prost(message, optional, tag = "2")]
    pub(crate) stream_identifier: Option<StreamIdentifier>,
    #[prost(uint64, tag = "3")]
    pub(crate) stream_revision: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) prepare_position: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) commit_position: u64,
    #[prost(map = "string, string", tag = "6")]
    pub(crate) metadata: HashMap<String, String>,
    #[prost(bytes = "vec", tag = "7")]
    pub(crate) custom_metadata: Vec<u8>,
    #[prost(bytes = "vec", tag = "8")]
    pub(crate) data: Vec<u8>,
}

/// Of `persistent_subscriptions.PersistentSubscriptions/Create`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CreateReq {
    #[prost(message, optional, tag = "1")]
    pub(crate) options: Option<CreateOptions>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct CreateOptions {
    #[prost(string, tag = "2")]
    pub(crate) group_name: String,
    #[prost(message, optional, tag = "5")]
    pub(crate) all: Option<AllOptions>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct AllOptions {
    #[prost(message, optional, tag = "2")]
    pub(crate) start: Option<Empty>,
    #[prost(message, optional, tag = "4")]
    pub(crate) filter: Option<FilterOptions>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct FilterOptions {
    #[prost(message, optional, tag = "2")]
    pub(crate) event_type: Option<Expression>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Expression {
    #[prost(string, tag = "1")]
    pub(crate) regex: String,
}

/// Of `persistent_subscriptions.PersistentSubscriptions/Read`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct PersistentReadReq {
    #[prost(oneof = "PersistentReadContent", tags = "1, 2, 3")]
    pub(crate) content: Option<PersistentReadContent>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum PersistentReadContent {
    #[prost(message, tag = "1")]
    Options(PersistentReadOptions),
    #[prost(message, tag = "2")]
    Ack(Ack),
    #[prost(message, tag = "3")]
    Nack(Empty),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PersistentReadOptions {
    #[prost(string, tag = "2")]
    pub(crate) group_name: String,
    #[prost(int32, tag = "3")]
    pub(crate) buffer_size: i32,
    #[prost(message, optional, tag = "5")]
    pub(crate) all: Option<Empty>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Ack {
    #[prost(message, repeated, tag = "2")]
    pub(crate) ids: Vec<Uuid>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PersistentReadResp {
    #[prost(oneof = "PersistentContent", tags = "1, 2")]
    pub(crate) content: Option<PersistentContent>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum PersistentContent {
    #[prost(message, tag = "1")]
    Event(ReadEvent),
    #[prost(message, tag = "2")]
    Confirmation(Confirmation),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Confirmation {
    #[prost(string, tag = "1")]
    pub(crate) subscription_id: String,
}
