use super::*;

fn a_ticket() -> String {
    let mut bytes = [7; SEALED_BYTES];
    bytes[0] = VERSION | Flags::SINGLE_USE;
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

#[test]
fn a_ticket_reads_back_as_itself() {
    assert_eq!(Ticket::parse(&a_ticket()).expect("a ticket").expose(), a_ticket());
}

#[test]
fn a_ticket_of_any_other_length_is_refused() {
    let ticket = a_ticket();
    for length in (0..LENGTH).chain([LENGTH + 1, 4096]) {
        let text: String = ticket.chars().cycle().take(length).collect();
        assert_eq!(Ticket::parse(&text).err(), Some(TicketFormatError::Length), "{length}");
    }
}

#[test]
fn a_ticket_of_any_other_alphabet_is_refused() {
    let ticket = a_ticket();
    for odd in ['=', '+', '/', ' ', '\n', '\0', '.', '~'] {
        let text = format!("{}{odd}", &ticket[..LENGTH - 1]);
        assert_eq!(Ticket::parse(&text).err(), Some(TicketFormatError::Alphabet), "{odd:?}");
    }
    assert_eq!(Ticket::parse(&ticket.replace("adm1_", "ADM1_")).err(), Some(TicketFormatError::Prefix));
    // A multi-byte character of the right length in bytes.
    let text = format!("{}é", &ticket[..LENGTH - 2]);
    assert_eq!(Ticket::parse(&text).err(), Some(TicketFormatError::Alphabet));
}

#[test]
fn an_unknown_version_or_flag_is_refused() {
    for first in [0x00, 0x20, VERSION | 8, 0xff] {
        let mut bytes = [7; SEALED_BYTES];
        bytes[0] = first;
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        assert_eq!(Ticket::parse(&text).err(), Some(TicketFormatError::Version), "{first:#x}");
    }
}

#[test]
fn debug_shows_nothing_of_a_ticket() {
    let ticket = Ticket::parse(&a_ticket()).expect("a ticket");
    assert_eq!(format!("{ticket:?}"), "Ticket(redacted)");
}
