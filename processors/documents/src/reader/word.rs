//! Word documents: paragraphs become the lines of a page, tables become tables.

use std::io::Write;

use quick_xml::{Reader, events::Event};
use spendlog_domain::documents::Source;

use super::archive;
use super::child::{Answer, Stop, end};
use super::failure::Failure;
use super::limits::{CELLS, DEPTH};
use super::protocol::End;
use super::text::{cut, page_of};
use crate::reading::Table;

/// The parts with text, in the order in which they are read.
const BODY: &str = "word/document.xml";

pub(super) fn read(file: &[u8], answer: &mut Answer<impl Write>) -> Result<End, Stop> {
    let mut archive = archive::open(file)?;
    let name = if archive.index_for_name(BODY).is_some() {
        BODY.to_owned()
    } else {
        main_part(&mut archive)?
    };
    let body = archive::part(&mut archive, &name)?.ok_or_else(|| Failure::malformed("it has no text part"))?;
    let mut text = Text::default();
    // Letterheads often stand in the page header: the sender's name and address.
    let headers: Vec<String> = archive
        .file_names()
        .filter_map(Result::ok)
        .filter(|name| is_header(name))
        .map(Into::into)
        .collect();
    for header in headers {
        if let Some(part) = archive::part(&mut archive, &header)? {
            text.take(&part)?;
        }
    }
    text.take(&body)?;
    let Text { paragraphs, tables, .. } = text;
    answer.page(page_of(0, paragraphs.iter().flat_map(|paragraph| paragraph.lines())))?;
    for table in tables {
        answer.table(table)?;
    }
    Ok(end("docx", Source::Words))
}

fn is_header(name: &str) -> bool {
    name.starts_with("word/header") && name.to_ascii_lowercase().ends_with(".xml")
}

/// The body's name in documents where it has another one: the package's relations say it.
fn main_part(archive: &mut zip::ZipArchive<std::io::Cursor<&[u8]>>) -> Result<String, Failure> {
    let missing = || Failure::malformed("it has no text part");
    let relations = archive::part(archive, "_rels/.rels")?.ok_or_else(missing)?;
    let mut reader = Reader::from_reader(relations.as_slice());
    loop {
        match reader.read_event().map_err(|_| missing())? {
            Event::Empty(tag) | Event::Start(tag) if tag.local_name().as_ref() == b"Relationship" => {
                let attribute = |name: &str| {
                    let attribute = tag.try_get_attribute(name).ok().flatten()?;
                    std::str::from_utf8(&attribute.value).ok().map(str::to_owned)
                };
                if attribute("Type").is_some_and(|kind| kind.ends_with("/officeDocument")) {
                    return attribute("Target")
                        .map(|name| name.trim_start_matches('/').to_owned())
                        .ok_or_else(missing);
                }
            }
            Event::Eof => return Err(missing()),
            _ => (),
        }
    }
}

/// What has been read.
#[derive(Default)]
struct Text {
    paragraphs: Vec<String>,
    tables: Vec<Table>,
    /// Paragraphs that are open: one in a text box stands inside of another.
    texts: Vec<String>,
    /// Tables that are open, from the outermost.
    open: Vec<Open>,
    cells: usize,
}

#[derive(Default)]
struct Open {
    rows: Vec<Vec<String>>,
    /// Paragraphs of the cell that is being read.
    cell: Vec<String>,
}

impl Text {
    fn take(&mut self, xml: &[u8]) -> Result<(), Failure> {
        let mut reader = Reader::from_reader(xml);
        reader.config_mut().check_end_names = false;
        // Alternative content says the same twice, for old readers; deleted text is not there any more.
        let (mut depth, mut hidden) = (0_usize, 0_usize);
        let mut in_text = false;
        loop {
            let event = reader
                .read_event()
                .map_err(|_| Failure::malformed("its XML is damaged"))?;
            match event {
                Event::Start(tag) => {
                    depth += 1;
                    if depth > DEPTH {
                        return Err(Failure::too_large("it is nested too deeply"));
                    }
                    let name = tag.local_name();
                    if hidden > 0 || matches!(name.as_ref(), b"Fallback" | b"del" | b"moveFrom" | b"instrText") {
                        hidden += 1;
                        continue;
                    }
                    match name.as_ref() {
                        b"t" => in_text = true,
                        name => self.start(name)?,
                    }
                }
                Event::Empty(tag) if hidden == 0 => self.empty(tag.local_name().as_ref())?,
                Event::End(tag) => {
                    depth = depth.saturating_sub(1);
                    if hidden > 0 {
                        hidden -= 1;
                        continue;
                    }
                    match tag.local_name().as_ref() {
                        b"t" => in_text = false,
                        name => self.end(name),
                    }
                }
                Event::Text(text) if in_text && hidden == 0 => {
                    self.text()
                        .push_str(&text.decode().map_err(|_| Failure::malformed("its XML is damaged"))?);
                }
                Event::CData(text) if in_text && hidden == 0 => {
                    self.text()
                        .push_str(&text.decode().map_err(|_| Failure::malformed("its XML is damaged"))?);
                }
                // Only the entities of XML itself and numbers are resolved: nothing can expand.
                Event::GeneralRef(entity) if in_text && hidden == 0 => {
                    let number = entity.resolve_char_ref().ok().flatten();
                    let name = entity.decode().unwrap_or_default();
                    let known =
                        quick_xml::escape::resolve_predefined_entity(&name).and_then(|text| text.chars().next());
                    self.text().extend(number.or(known));
                }
                Event::Eof => return Ok(()),
                _ => (),
            }
        }
    }

    /// The innermost open paragraph; one is opened where a damaged file has text outside of any.
    fn text(&mut self) -> &mut String {
        if self.texts.is_empty() {
            self.texts.push(String::new());
        }
        let last = self.texts.len() - 1;
        &mut self.texts[last]
    }

    fn start(&mut self, name: &[u8]) -> Result<(), Failure> {
        match name {
            b"tbl" => self.open.push(Open::default()),
            b"tr" => {
                if let Some(table) = self.open.last_mut() {
                    table.rows.push(Vec::new());
                }
            }
            b"tc" => {
                self.cells += 1;
                if self.cells > CELLS {
                    return Err(Failure::too_large("it has too many cells"));
                }
                if let Some(table) = self.open.last_mut() {
                    table.cell.clear();
                }
            }
            b"p" => self.texts.push(String::new()),
            _ => (),
        }
        Ok(())
    }

    fn empty(&mut self, name: &[u8]) -> Result<(), Failure> {
        match name {
            b"tab" | b"ptab" => self.text().push('\t'),
            b"br" | b"cr" => self.text().push('\n'),
            b"noBreakHyphen" => self.text().push('-'),
            b"p" => {
                self.start(name)?;
                self.end(name);
            }
            b"tc" => {
                self.start(name)?;
                self.end(name);
            }
            _ => (),
        }
        Ok(())
    }

    fn end(&mut self, name: &[u8]) {
        match name {
            b"p" => {
                let paragraph = self.texts.pop().unwrap_or_default();
                match self.open.last_mut() {
                    Some(table) => table.cell.push(cut(paragraph.trim()).to_owned()),
                    None => self.paragraphs.push(paragraph),
                }
            }
            b"tc" => {
                if let Some(table) = self.open.last_mut() {
                    let cell = std::mem::take(&mut table.cell).join("\n");
                    match table.rows.last_mut() {
                        Some(row) => row.push(cut(cell.trim()).to_owned()),
                        None => table.rows.push(vec![cell]),
                    }
                }
            }
            b"tbl" => {
                if let Some(table) = self.open.pop() {
                    self.tables.push(Table {
                        name: String::new(),
                        rows: table.rows,
                    });
                }
            }
            _ => (),
        }
    }
}
