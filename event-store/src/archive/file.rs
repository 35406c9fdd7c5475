//! The files of the archive: Parquet, a row an event, its text as it was stored, byte for byte.

use std::sync::Arc;

use bytes::Bytes;
use parquet::{
    basic::Compression,
    column::reader::ColumnReader,
    data_type::{ByteArray, ByteArrayType, Int64Type},
    errors::{ParquetError, Result},
    file::{
        properties::WriterProperties,
        reader::{FileReader, RowGroupReader, SerializedFileReader},
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::parser::parse_message_type,
};

use crate::append::EVENT_LIMIT;

const SCHEMA: &str = "message event {
    REQUIRED INT64 position;
    REQUIRED BYTE_ARRAY payload (JSON);
    REQUIRED BYTE_ARRAY metadata (JSON);
}";

/// What of an event stands in a file: its strings sealed as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) payload: String,
    pub(super) metadata: String,
}

impl Moved {
    pub(super) fn size(&self) -> usize {
        self.payload.len() + self.metadata.len() + size_of::<Self>()
    }
}

/// The file of these events, the first of which stands at position `first`.
pub(super) fn encode(first: i64, events: &[Moved]) -> Result<Vec<u8>> {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    let positions: Vec<i64> = (first..).take(events.len()).collect();
    let mut column = group.next_column()?.ok_or(ParquetError::EOF("no column".to_owned()))?;
    column.typed::<Int64Type>().write_batch(&positions, None, None)?;
    column.close()?;
    write_texts(&mut group, events.iter().map(|event| &event.payload))?;
    write_texts(&mut group, events.iter().map(|event| &event.metadata))?;
    group.close()?;
    writer.into_inner()
}

fn write_texts<'a>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    texts: impl Iterator<Item = &'a String>,
) -> Result<()> {
    let texts: Vec<ByteArray> = texts.map(|text| ByteArray::from(text.as_str())).collect();
    let mut column = group.next_column()?.ok_or(ParquetError::EOF("no column".to_owned()))?;
    column.typed::<ByteArrayType>().write_batch(&texts, None, None)?;
    column.close()
}

/// The events of a file that has `count` of them and begins at position `first`; `None` if it is none. However many and large a
/// file says that they are, no more is taken than so many can be.
pub(super) fn decode(content: Bytes, first: i64, count: usize) -> Option<Vec<Moved>> {
    let reader = SerializedFileReader::new(content).ok()?;
    let mut room = count.saturating_mul(EVENT_LIMIT);
    let (mut events, expected) = (Vec::new(), count);
    for number in 0..reader.num_row_groups() {
        let group = reader.get_row_group(number).ok()?;
        let count = usize::try_from(group.metadata().num_rows()).ok()?;
        if count > expected - events.len() {
            return None;
        }
        let mut positions = Vec::new();
        match group.get_column_reader(0).ok()? {
            ColumnReader::Int64ColumnReader(mut column) => {
                column.read_records(count, None, None, &mut positions).ok()?;
            }
            _ => return None,
        }
        let next = first.checked_add(i64::try_from(events.len()).ok()?)?;
        if !positions.iter().copied().eq((next..).take(count)) {
            return None;
        }
        let payloads = texts(&*group, 1, count, &mut room)?;
        let metadatas = texts(&*group, 2, count, &mut room)?;
        let both = payloads.into_iter().zip(metadatas);
        events.extend(both.map(|(payload, metadata)| Moved { payload, metadata }));
    }
    (events.len() == expected).then_some(events)
}

/// The texts of a column, as far as there is room for them: in the file a text that comes again may stand once.
fn texts(group: &dyn RowGroupReader, column: usize, count: usize, room: &mut usize) -> Option<Vec<String>> {
    let mut texts: Vec<ByteArray> = Vec::new();
    match group.get_column_reader(column).ok()? {
        ColumnReader::ByteArrayColumnReader(mut column) => {
            column.read_records(count, None, None, &mut texts).ok()?;
        }
        _ => return None,
    }
    for text in &texts {
        *room = room.checked_sub(text.len())?;
    }
    let owned = |text: ByteArray| text.as_utf8().ok().map(str::to_owned);
    let texts: Option<Vec<String>> = texts.into_iter().map(owned).collect();
    texts.filter(|texts| texts.len() == count)
}
