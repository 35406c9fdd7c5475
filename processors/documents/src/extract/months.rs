//! Names of the months.

use super::text::fold;

#[rustfmt::skip]
const NAMES: [&[&str]; 12] = [
    &[
        "JANUARY", "JANUAR", "JANNER", "JANVIER", "ENERO", "GENNAIO", "JANUARI", "JANEIRO", "STYCZEN", "STYCZNIA",
        "LEDEN", "LEDNA", "IANUARIE", "JANUAR", "OCAK",
    ],
    &[
        "FEBRUARY", "FEBRUAR", "FEBER", "FEVRIER", "FEBRERO", "FEBBRAIO", "FEBRUARI", "FEVEREIRO", "LUTY", "LUTEGO",
        "UNOR", "UNORA", "FEBRUARIE", "SUBAT",
    ],
    &[
        "MARCH", "MARZ", "MAERZ", "MRZ", "MARS", "MARZO", "MAART", "MARCO", "MARZEC", "MARCA", "BREZEN", "BREZNA",
        "MARTIE", "MAC", "MARTS", "MART",
    ],
    &["APRIL", "AVRIL", "ABRIL", "APRILE", "KWIECIEN", "KWIETNIA", "DUBEN", "DUBNA", "APRILIE", "NISAN"],
    &["MAY", "MAI", "MAYO", "MAGGIO", "MEI", "MAIO", "MAJ", "MAJA", "KVETEN", "KVETNA", "MAYIS"],
    &[
        "JUNE", "JUNI", "JUIN", "JUNIO", "GIUGNO", "JUN", "JUNHO", "CZERWIEC", "CZERWCA", "CERVEN", "CERVNA",
        "IUNIE", "HAZIRAN",
    ],
    &[
        "JULY", "JULI", "JUILLET", "JULIO", "LUGLIO", "JULAI", "JULHO", "LIPIEC", "LIPCA", "CERVENEC", "CERVENCE",
        "IULIE", "TEMMUZ",
    ],
    &[
        "AUGUST", "AOUT", "AGOSTO", "AUGUSTUS", "OGOS", "AUGUSTI", "SIERPIEN", "SIERPNIA", "SRPEN", "SRPNA",
        "AGUSTUS", "AGUSTOS",
    ],
    &[
        "SEPTEMBER", "SEPTEMBRE", "SEPTIEMBRE", "SETTEMBRE", "SETEMBRO", "WRZESIEN", "WRZESNIA", "ZARI",
        "SEPTEMBRIE", "EYLUL",
    ],
    &[
        "OCTOBER", "OKTOBER", "OCTOBRE", "OCTUBRE", "OTTOBRE", "OUTUBRO", "OKTOBR", "PAZDZIERNIK", "PAZDZIERNIKA",
        "RIJEN", "RIJNA", "OCTOMBRIE", "EKIM",
    ],
    &["NOVEMBER", "NOVEMBRE", "NOVIEMBRE", "NOVEMBRO", "LISTOPAD", "LISTOPADA", "LISTOPADU", "NOIEMBRIE", "KASIM"],
    &[
        "DECEMBER", "DEZEMBER", "DECEMBRE", "DICIEMBRE", "DICEMBRE", "DEZEMBRO", "DISEMBER", "GRUDZIEN", "GRUDNIA",
        "PROSINEC", "PROSINCE", "DECEMBRIE", "DESEMBER", "ARALIK",
    ],
];

/// The month, 1 to 12, that a word names, in full or by three letters or more; none where more than one could be meant.
pub(crate) fn month(word: &str) -> Option<u32> {
    let word = fold(word);
    if word.len() < 3 || word.contains(' ') {
        return None;
    }
    let exact = NAMES.iter().position(|names| names.contains(&word.as_str()));
    let matching: Vec<usize> = (0..12)
        .filter(|at| {
            NAMES[*at]
                .iter()
                .any(|name| name.starts_with(&word) && name.len() > word.len())
        })
        .collect();
    let at = exact.or_else(|| match matching[..] {
        [only] => Some(only),
        _ => None,
    })?;
    u32::try_from(at + 1).ok()
}
