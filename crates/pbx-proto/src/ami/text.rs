//! Values are bytes; this makes text of them, one value at a time.

use std::borrow::Cow;

/// How bytes that are not UTF-8 are read.
///
/// Phones and providers of old installations send names in the code page of their country. UTF-8 is
/// tried first for each value, since one frame can hold both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Charset {
    /// Western European; every byte is the code point of the same number.
    Latin1,
    /// Cyrillic as Windows writes it.
    #[default]
    Windows1251,
    /// Cyrillic as Unix wrote it.
    Koi8R,
    /// Nothing is guessed: what is not UTF-8 becomes U+FFFD.
    Utf8,
}

impl Charset {
    /// The text of a value; never fails.
    #[must_use]
    pub fn decode<'a>(self, bytes: &'a [u8]) -> Cow<'a, str> {
        let Err(error) = std::str::from_utf8(bytes) else {
            // The check above has proved it; this borrows without a second copy.
            return String::from_utf8_lossy(bytes);
        };
        // A fixed field cuts a name in the middle of its last character: that is UTF-8 all the same.
        let whole = bytes.get(..error.valid_up_to()).unwrap_or_default();
        if error.error_len().is_none() && !whole.is_ascii() {
            return String::from_utf8_lossy(whole);
        }
        match self {
            Charset::Utf8 => String::from_utf8_lossy(bytes),
            Charset::Latin1 => bytes.iter().map(|&it| char::from(it)).collect(),
            Charset::Windows1251 => bytes.iter().map(|&it| high(it, &WINDOWS_1251)).collect(),
            Charset::Koi8R => bytes.iter().map(|&it| high(it, &KOI8_R)).collect(),
        }
    }
}

fn high(byte: u8, table: &[char; 128]) -> char {
    match byte.checked_sub(128) {
        Some(place) => table[usize::from(place)],
        None => char::from(byte),
    }
}

/// The upper half of the code page, in order.
#[rustfmt::skip]
const WINDOWS_1251: [char; 128] = [
    'Ђ', 'Ѓ', '‚', 'ѓ', '„', '…', '†', '‡', '€', '‰', 'Љ', '‹', 'Њ', 'Ќ', 'Ћ', 'Џ',
    'ђ', '‘', '’', '“', '”', '•', '–', '—', '�', '™', 'љ', '›', 'њ', 'ќ', 'ћ', 'џ',
    '\u{a0}', 'Ў', 'ў', 'Ј', '¤', 'Ґ', '¦', '§', 'Ё', '©', 'Є', '«', '¬', '\u{ad}', '®', 'Ї',
    '°', '±', 'І', 'і', 'ґ', 'µ', '¶', '·', 'ё', '№', 'є', '»', 'ј', 'Ѕ', 'ѕ', 'ї',
    'А', 'Б', 'В', 'Г', 'Д', 'Е', 'Ж', 'З', 'И', 'Й', 'К', 'Л', 'М', 'Н', 'О', 'П',
    'Р', 'С', 'Т', 'У', 'Ф', 'Х', 'Ц', 'Ч', 'Ш', 'Щ', 'Ъ', 'Ы', 'Ь', 'Э', 'Ю', 'Я',
    'а', 'б', 'в', 'г', 'д', 'е', 'ж', 'з', 'и', 'й', 'к', 'л', 'м', 'н', 'о', 'п',
    'р', 'с', 'т', 'у', 'ф', 'х', 'ц', 'ч', 'ш', 'щ', 'ъ', 'ы', 'ь', 'э', 'ю', 'я',
];

/// The upper half of the code page, in order.
#[rustfmt::skip]
const KOI8_R: [char; 128] = [
    '─', '│', '┌', '┐', '└', '┘', '├', '┤', '┬', '┴', '┼', '▀', '▄', '█', '▌', '▐',
    '░', '▒', '▓', '⌠', '■', '∙', '√', '≈', '≤', '≥', '\u{a0}', '⌡', '°', '²', '·', '÷',
    '═', '║', '╒', 'ё', '╓', '╔', '╕', '╖', '╗', '╘', '╙', '╚', '╛', '╜', '╝', '╞',
    '╟', '╠', '╡', 'Ё', '╢', '╣', '╤', '╥', '╦', '╧', '╨', '╩', '╪', '╫', '╬', '©',
    'ю', 'а', 'б', 'ц', 'д', 'е', 'ф', 'г', 'х', 'и', 'й', 'к', 'л', 'м', 'н', 'о',
    'п', 'я', 'р', 'с', 'т', 'у', 'ж', 'в', 'ь', 'ы', 'з', 'ш', 'э', 'щ', 'ч', 'ъ',
    'Ю', 'А', 'Б', 'Ц', 'Д', 'Е', 'Ф', 'Г', 'Х', 'И', 'Й', 'К', 'Л', 'М', 'Н', 'О',
    'П', 'Я', 'Р', 'С', 'Т', 'У', 'Ж', 'В', 'Ь', 'Ы', 'З', 'Ш', 'Э', 'Щ', 'Ч', 'Ъ',
];
