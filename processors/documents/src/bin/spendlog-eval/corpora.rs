//! The corpora: where their files are, what they are, how they are judged.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;
use spendlog_domain::documents::DocumentKind;

/// What a prediction of this corpus looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Company, date, address, total.
    Receipt,
    /// The fields of an invoice.
    Invoice,
    /// Transactions and balances.
    Statement,
    /// Cells, paragraphs and tables.
    Office,
    /// Status and text.
    Hostile,
}

/// A corpus.
pub(crate) struct Corpus {
    /// The folder's name.
    pub name: &'static str,
    /// The folder of the files below the one of the split.
    pub folder: &'static str,
    /// The scoring script.
    pub script: &'static str,
    /// More arguments for it.
    pub arguments: &'static [&'static str],
    /// What predictions look like.
    pub shape: Shape,
    /// What its documents are, where they are all the same.
    pub kind: Option<DocumentKind>,
    /// The figures that are shown, with a short name each.
    pub figures: &'static [(&'static str, &'static str)],
}

const STATEMENT: &[(&str, &str)] = &[
    ("date+amount recall", "recall"),
    ("date+amount precision", "precision"),
    ("date+amount files exact", "exact"),
    ("date+|amount| recall", "unsigned"),
    ("|amount| recall", "amounts"),
    ("opening_balance.accuracy", "opening"),
    ("closing_balance.accuracy", "closing"),
];
const INVOICE: &[(&str, &str)] = &[
    ("issuer.accuracy", "seller"),
    ("seller_name.accuracy", "seller"),
    ("buyer_name.accuracy", "buyer"),
    ("invoice_number.accuracy", "number"),
    ("date.accuracy", "date"),
    ("issue_date.accuracy", "date"),
    ("date_due.accuracy", "due"),
    ("due_date.accuracy", "due"),
    ("currency.accuracy", "currency"),
    ("seller_vat.accuracy", "vat id"),
    ("amount.accuracy", "total"),
    ("gross_total.accuracy", "total"),
    ("amount_due.accuracy", "amount due"),
    ("amount_untaxed.accuracy", "net"),
    ("net_total.accuracy", "net"),
    ("amount_tax.accuracy", "tax"),
    ("tax_total.accuracy", "tax"),
    ("line_items recall (amount)", "lines"),
    ("line_items precision (amount)", "lines precision"),
    ("documents all header fields right", "all right"),
];

/// The corpora that are supported.
pub(crate) const ALL: &[Corpus] = &[
    Corpus {
        name: "receipts-sroie",
        folder: "img",
        script: "eval_receipts_sroie.py",
        arguments: &[],
        shape: Shape::Receipt,
        kind: Some(DocumentKind::Receipt),
        figures: &[
            ("total.accuracy", "total"),
            ("date.accuracy", "date"),
            ("company.accuracy", "company"),
            ("company.exact.accuracy", "exactly"),
            ("address.accuracy", "address"),
            ("total+date+company all right", "all three"),
        ],
    },
    statement("bank-ofx", "eval_bank_ofx.py"),
    statement("bank-csv", "eval_bank_csv.py"),
    statement("bank-pdf", "eval_bank_pdf.py"),
    statement("bank-pdftext", "eval_bank_pdftext.py"),
    invoice("invoices-i2d", "", "eval_invoices_i2d.py", &[]),
    invoice(
        "invoices-zugferd",
        "visual",
        "eval_invoices_zugferd.py",
        &["--mode", "visual"],
    ),
    Corpus {
        name: "office",
        folder: "",
        script: "eval_office.py",
        arguments: &[],
        shape: Shape::Office,
        kind: None,
        figures: &[
            ("answered", "answered"),
            ("missing (crash)", "crashed"),
            ("cell recall", "cell recall"),
            ("files >=95%", "files >=95%"),
        ],
    },
    Corpus {
        name: "pdf-hostile",
        folder: "",
        script: "eval_pdf_hostile.py",
        arguments: &[],
        shape: Shape::Hostile,
        kind: None,
        figures: &[
            ("missing (crash/hang)", "crashed"),
            ("clean answer", "clean answers"),
            ("locked", "locked"),
            ("locked, said so", "said so"),
            ("unlocked", "unlocked"),
            ("unlocked ok", "right"),
            ("with text", "with text"),
            ("text word recall>=0.9", "text right"),
            ("slowest s", "slowest s"),
        ],
    },
];

/// What cannot be read yet.
pub(crate) const NOT_YET: &[(&str, &str)] = &[
    ("bank-qif", "QIF"),
    ("bank-mt940", "MT940"),
    ("bank-camt053", "CAMT"),
    ("invoices-xml", "invoices as XML"),
    ("invoices-zugferd-xml", "XML inside PDF"),
    ("invoices-en16931-rules", "rules of EN 16931"),
];

const fn statement(name: &'static str, script: &'static str) -> Corpus {
    Corpus {
        name,
        folder: "",
        script,
        arguments: &[],
        shape: Shape::Statement,
        kind: Some(DocumentKind::BankStatement),
        figures: STATEMENT,
    }
}

const fn invoice(
    name: &'static str,
    folder: &'static str,
    script: &'static str,
    arguments: &'static [&'static str],
) -> Corpus {
    Corpus {
        name,
        folder,
        script,
        arguments,
        shape: Shape::Invoice,
        kind: Some(DocumentKind::Invoice),
        figures: INVOICE,
    }
}

/// A file of a corpus.
pub(crate) struct Document {
    /// Its name in the truth.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its password, where the truth knows one.
    pub password: Option<String>,
    /// Whether it has a truth of this kind.
    pub known: bool,
}

#[derive(Deserialize)]
struct Truth {
    file: String,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    needs_password: bool,
    #[serde(default)]
    visual: Option<bool>,
    #[serde(default)]
    fields: Option<serde_json::Value>,
}

impl Corpus {
    /// The files that the truth of these splits names.
    pub(crate) fn files(&self, root: &Path, splits: &[&str]) -> anyhow::Result<Vec<Document>> {
        let mut files = Vec::new();
        for split in splits {
            let folder = root.join(self.name).join(split);
            let truth = folder.join("truth.jsonl");
            if !truth.is_file() {
                continue;
            }
            let text = std::fs::read_to_string(&truth).with_context(|| format!("reading {}", truth.display()))?;
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                let truth: Truth =
                    serde_json::from_str(line).with_context(|| format!("a line of {}", truth.display()))?;
                let path = folder.join(self.folder).join(&truth.file);
                if self.folder == "visual" && truth.visual != Some(true) {
                    continue;
                }
                files.push(Document {
                    name: truth.file,
                    path,
                    password: truth.password.filter(|_| truth.needs_password),
                    known: truth.fields.is_some(),
                });
            }
        }
        Ok(files)
    }
}
