//! Text made comparable: capital letters without marks, and labels found in spite of lost spaces and misread letters.

/// Capital letters of ASCII, digits and `%&@#`; every other sign is a space; letters of other scripts stay.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut space = true;
    for letter in text.chars() {
        let mut push = |c: char| {
            folded.push(c);
            space = false;
        };
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '%' | '&' | '@' | '#' => push(letter.to_ascii_uppercase()),
            'ß' | 'ẞ' => "SS".chars().for_each(push),
            'æ' | 'Æ' => "AE".chars().for_each(push),
            'œ' | 'Œ' => "OE".chars().for_each(push),
            _ => match plain(letter) {
                Some(letter) => push(letter),
                None if letter.is_alphabetic() => letter.to_uppercase().for_each(push),
                // An apostrophe or a point inside an abbreviation parts nothing that a label would name.
                None if matches!(letter, '\'' | '’') => {}
                None if !space => {
                    folded.push(' ');
                    space = true;
                }
                None => {}
            },
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// A Latin letter without its marks.
fn plain(letter: char) -> Option<char> {
    Some(match letter {
        'À'..='Å' | 'à'..='å' | 'Ā' | 'ā' | 'Ă' | 'ă' | 'Ą' | 'ą' => 'A',
        'Ç' | 'ç' | 'Ć' | 'ć' | 'Č' | 'č' => 'C',
        'Ď' | 'ď' | 'Đ' | 'đ' | 'Ð' | 'ð' => 'D',
        'È'..='Ë' | 'è'..='ë' | 'Ē' | 'ē' | 'Ė' | 'ė' | 'Ę' | 'ę' | 'Ě' | 'ě' => 'E',
        'Ğ' | 'ğ' | 'Ģ' | 'ģ' => 'G',
        'Ì'..='Ï' | 'ì'..='ï' | 'Ī' | 'ī' | 'İ' | 'ı' | 'Į' | 'į' => 'I',
        'Ķ' | 'ķ' => 'K',
        'Ł' | 'ł' | 'Ľ' | 'ľ' | 'Ļ' | 'ļ' => 'L',
        'Ñ' | 'ñ' | 'Ń' | 'ń' | 'Ň' | 'ň' | 'Ņ' | 'ņ' => 'N',
        'Ò'..='Ö' | 'ò'..='ö' | 'Ø' | 'ø' | 'Ő' | 'ő' => 'O',
        'Ŕ' | 'ŕ' | 'Ř' | 'ř' => 'R',
        'Ś' | 'ś' | 'Š' | 'š' | 'Ş' | 'ş' | 'Ș' | 'ș' => 'S',
        'Ť' | 'ť' | 'Ţ' | 'ţ' | 'Ț' | 'ț' => 'T',
        'Ù'..='Ü' | 'ù'..='ü' | 'Ū' | 'ū' | 'Ů' | 'ů' | 'Ű' | 'ű' => 'U',
        'Ý' | 'ý' | 'ÿ' => 'Y',
        'Ź' | 'ź' | 'Ż' | 'ż' | 'Ž' | 'ž' => 'Z',
        _ => return None,
    })
}

/// A folded text in which labels can be looked for.
pub(crate) struct Labelled {
    original: String,
    spaced: String,
    squashed: String,
}

impl Labelled {
    /// From any text.
    pub(crate) fn of(text: &str) -> Self {
        let spaced = format!(" {} ", parted(&fold(text)));
        let squashed = spaced.chars().filter(|c| *c != ' ').collect();
        Self {
            original: text.to_owned(),
            spaced,
            squashed,
        }
    }

    /// The text as it stands.
    pub(crate) fn text(&self) -> &str {
        &self.original
    }

    /// Whether one of these labels is in it. A label of seven letters or more may have lost its spaces and one letter
    /// may be misread; a shorter one must stand as words of their own.
    pub(crate) fn any(&self, labels: &[&str]) -> bool {
        labels.iter().any(|label| self.has(label))
    }

    /// Whether this label is in it.
    pub(crate) fn has(&self, label: &str) -> bool {
        let squashed: String = label.chars().filter(|c| *c != ' ').collect();
        if squashed.len() >= 7 {
            self.contains_long(&squashed)
        } else {
            self.contains_words(label)
        }
    }

    /// Whether it begins with one of these labels.
    pub(crate) fn starts(&self, labels: &[&str]) -> bool {
        let text = self.spaced.trim_start();
        labels.iter().any(|label| {
            text.strip_prefix(label)
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
        })
    }

    fn contains_words(&self, label: &str) -> bool {
        let end = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphabetic());
        let start = |before: &str| !before.ends_with(|c: char| c.is_ascii_alphabetic());
        let found = self
            .spaced
            .match_indices(label)
            .any(|(at, found)| start(&self.spaced[..at]) && end(&self.spaced[at + found.len()..]));
        found || (label.len() >= 5 && !label.contains(' ') && self.spaced.split(' ').any(|word| misread(word, label)))
    }

    fn contains_long(&self, label: &str) -> bool {
        if self.squashed.contains(label) {
            return true;
        }
        // Two letters that together look like one.
        for (pair, one) in [("CL", "D"), ("RN", "M"), ("M", "RN"), ("VV", "W")] {
            if label.contains(pair) && self.squashed.contains(&label.replacen(pair, one, 1)) {
                return true;
            }
        }
        let (text, label) = (self.squashed.as_bytes(), label.as_bytes());
        text.len() >= label.len()
            && text
                .windows(label.len())
                .any(|window| window.iter().zip(label).filter(|(a, b)| a != b).count() <= 1)
    }

    /// How many letters it has.
    pub(crate) fn letters(&self) -> usize {
        self.squashed.chars().filter(|c| c.is_alphabetic()).count()
    }
}

/// The currency parted from the label that it is glued to: `TOTALRM`.
fn parted(folded: &str) -> String {
    const GLUED: [&str; 12] = [
        "TOTAL", "CASH", "CHANGE", "AMOUNT", "AMT", "TENDERED", "PAYABLE", "DUE", "PRICE", "ROUNDING", "NETT",
        "BALANCE",
    ];
    if !folded.contains("RM") && !folded.contains("EUR") {
        return folded.to_owned();
    }
    let word = |word: &str| {
        let label = word.strip_suffix("RM").or_else(|| word.strip_suffix("EUR"));
        label
            .filter(|label| GLUED.iter().any(|end| label.ends_with(end)))
            .map_or(word.to_owned(), |label| format!("{label} {}", &word[label.len()..]))
    };
    folded.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Whether a word is the label with one letter misread.
fn misread(word: &str, label: &str) -> bool {
    word.len() == label.len()
        && word.bytes().zip(label.bytes()).filter(|(a, b)| a != b).count() == 1
        && word.bytes().zip(label.bytes()).any(|(a, b)| a != b && looks_like(a, b))
}

/// Letters that engines take for each other.
fn looks_like(a: u8, b: u8) -> bool {
    const GROUPS: [&[u8]; 6] = [b"O0QDA", b"I1LTJ", b"S5B83", b"Z27", b"EFC", b"UVYN"];
    GROUPS.iter().any(|group| group.contains(&a) && group.contains(&b))
}
