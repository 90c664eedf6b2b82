//! The company whose phone system is played: who works there, and who calls.
//!
//! Names are invented. Numbers of callers come from ranges that numbering authorities keep for
//! fiction; Italy keeps none, so its numbers are of the form `06 1234 …`, which is a placeholder to
//! everybody who reads it.

use crate::random::Random;

/// Somebody with a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The extension, such as `201`.
    pub extension: String,
    /// The name that the phone shows to others.
    pub name: String,
    /// Whether the phone is a member of the queue.
    pub in_queue: bool,
}

/// The people, numbers, ring group, queue and trunk of one phone system.
#[derive(Debug, Clone)]
pub struct Company {
    /// Everybody with a phone.
    pub people: Vec<Person>,
    /// Name of the trunk towards the provider.
    pub trunk: String,
    /// The number that leads to one phone.
    pub direct_did: String,
    /// The number at which the whole ring group rings.
    pub group_did: String,
    /// The number that leads into the queue.
    pub queue_did: String,
    /// Name of the queue.
    pub queue: String,
}

/// How many phones ring at once in a ring group or a queue.
pub(crate) const GROUP_SIZE: usize = 3;

const NAMES: &[&str] = &[
    "Anna Conti",
    "Bruno Ferri",
    "Carla Marini",
    "Dario Leone",
    "Elena Basile",
    "Fabio Sartori",
    "Giulia Moretti",
    "Hugo Valenti",
];

impl Company {
    /// Eight people at the extensions 201 to 208, half of them in the queue.
    #[must_use]
    pub fn small() -> Company {
        let mut company = Company::of_size(NAMES.len());
        for person in company.people.iter_mut().skip(NAMES.len() / 2) {
            person.in_queue = false;
        }
        company
    }

    /// The same with `people` phones, at least three: from 201 on, or from 2001 or 20001 on when
    /// there are many. All are members of the queue.
    #[must_use]
    pub fn of_size(people: usize) -> Company {
        let first: usize = match people {
            0..=99 => 201,
            100..=7_999 => 2_001,
            _ => 20_001,
        };
        let person = |index: usize| Person {
            extension: (first + index).to_string(),
            name: NAMES[index % NAMES.len()].to_owned(),
            in_queue: true,
        };
        Company {
            people: (0..people.max(GROUP_SIZE)).map(person).collect(),
            trunk: "trunk".to_owned(),
            direct_did: "0612349001".to_owned(),
            group_did: "0612349002".to_owned(),
            queue_did: "0612349003".to_owned(),
            queue: "support".to_owned(),
        }
    }

    /// Who has this extension.
    #[must_use]
    pub fn person(&self, extension: &str) -> Option<&Person> {
        self.people.iter().find(|it| it.extension == extension)
    }
}

/// Somebody outside, as the provider presents them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The number, as it comes over the trunk.
    pub number: String,
    /// The name, where the provider gives one.
    pub name: Option<String>,
}

const CALLERS: &[&str] = &[
    "Rossi Ascensori",
    "Studio Bianchi",
    "Panificio Gallo",
    "Marta Colombo",
    "Officina Ricci",
    "Libreria Serra",
    "Paolo De Santis",
    "Trattoria Al Ponte",
    "Farmacia Greco",
    "Lucia Fontana",
    "Edil Martini",
    "Hotel Belvedere",
    "Nicola Caruso",
    "Cantina Rinaldi",
    "Sara Lombardi",
    "Vivaio Costa",
];

impl Caller {
    /// One of a fixed set of callers: the same `index` is always the same person.
    ///
    /// Numbers for fiction: France 06 39 98 xx xx (ARCEP), United Kingdom 020 7946 0xxx (Ofcom),
    /// Germany 030 23125 xxx (Bundesnetzagentur), North America xxx-555-01xx (NANPA).
    #[must_use]
    pub fn known(index: usize) -> Caller {
        let index = index % CALLERS.len();
        let number = match index {
            3 => "+33639980147".to_owned(),
            7 => "+442079460321".to_owned(),
            11 => "+493023125208".to_owned(),
            14 => "+12125550162".to_owned(),
            _ => format!("061234{:04}", 1207 + index * 389),
        };
        // Every fourth call comes without a name, as it does in life.
        let name = (index % 4 != 3).then(|| CALLERS[index].to_owned());
        Caller { number, name }
    }

    /// A caller whose number is not in the pool: one of ten thousand.
    #[must_use]
    pub fn unknown(random: &mut Random) -> Caller {
        Caller { number: format!("021234{:04}", random.below(10_000)), name: None }
    }

    /// How many [`Caller::known`] there are.
    #[must_use]
    pub fn pool_size() -> usize {
        CALLERS.len()
    }
}
