"""Tables of English: abbreviations, acronyms and names of signs."""

from __future__ import annotations

from gpa_mlx.text.normalization.rules import listed

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
MONTH_NUMBERS = {
    **{name: number for number, name in enumerate(MONTHS, start=1)},
    **{name[:3]: number for number, name in enumerate(MONTHS, start=1)},
    "Sept": 9,
}

TITLES = {
    **{"Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Dr": "Doctor", "Prof": "Professor", "St": "Saint"},
    **{"Gen": "General", "Sen": "Senator", "Rep": "Representative", "Gov": "Governor", "Capt": "Captain"},
    **{"Ft": "Fort", "Pt": "Point", "Fr": "Father", "Maj": "Major", "Cpl": "Corporal", "Adm": "Admiral"},
    **{"Cmdr": "Commander", "Pres": "President", "Pvt": "Private", "Msgr": "Monsignor", "Messrs": "Messieurs"},
    **{"Supt": "Superintendent", "Det": "Detective", "Insp": "Inspector"},
    **{"Lt": "Lieutenant", "Col": "Colonel", "Sgt": "Sergeant", "Rev": "Reverend", "Hon": "Honorable", "Mt": "Mount"},
}
"""Before a name."""

WITHOUT_DOT = frozenset({"Mr", "Mrs", "Ms", "Dr", "Prof", "Jr", "Sr", "Inc", "Ltd", "Corp", "Blvd", "Ave"})
"""Those that are also written without the dot."""

AFTER_NAMES = {
    **{"Dr": "Drive", "St": "Street", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Ln": "Lane"},
    **{"Jr": "Junior", "Sr": "Senior", "Inc": "Incorporated", "Ltd": "Limited", "Corp": "Corporation"},
    **{"Co": "Company", "Bros": "Brothers", "Hwy": "Highway", "Pkwy": "Parkway", "Sq": "Square", "Ct": "Court"},
    **{"Pl": "Place", "Ter": "Terrace", "Cir": "Circle", "Univ": "University"},
}
"""After a name, or a number and a name."""

BEFORE_NUMBERS = {
    **{"No": "number", "no": "number", "Nos": "numbers", "Fig": "figure", "fig": "figure", "Vol": "volume"},
    **{"vol": "volume", "Ch": "chapter", "ch": "chapter", "Sec": "section", "sec": "section", "p": "page"},
    **{
        "pp": "pages",
        "Eq": "equation",
        "Ver": "version",
        "ver": "version",
        "Chap": "chapter",
        "chap": "chapter",
        "ca": "circa",
        "c": "circa",
    },
    **{"Rt": "Route", "Rte": "Route", "Hwy": "Highway", "Apt": "Apartment", "Ste": "Suite", "Rm": "Room"},
    **{"Bldg": "Building", "Figs": "figures", "figs": "figures", "Art": "article", "art": "article", "vols": "volumes"},
    **{
        "Pt": "part",
        "pt": "part",
        "Eps": "episodes",
        "eps": "episodes",
        "Chs": "chapters",
        "Lv": "level",
        "Lvl": "level",
        "Ep": "episode",
        "ep": "episode",
        "para": "paragraph",
        "v": "version",
    },
    **{
        "Pp": "pages",
        "P": "page",
        "Vols": "volumes",
        "Tel": "telephone",
        "tel": "telephone",
        "Pg": "page",
        "pg": "page",
    },
    **{
        "Lv": "level",
        "Lvl": "level",
        "avg": "average",
        "Avg": "average",
        "Max": "maximum",
        "Min": "minimum",
        "Ext": "extension",
    },
    **{"est": "established", "Est": "established", "min": "minimum", "max": "maximum", "ext": "extension"},
}

ABBREVIATIONS = {
    **{"e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus", "approx.": "approximately"},
    **{"a.k.a.": "also known as", "dept.": "department", "et al.": "and others", "cf.": "compare"},
    **{"Ph.D.": "P H D", "PhD": "P H D", "PhDs": "P H D's", "a.m.": "A M", "p.m.": "P M", "govt.": "government"},
    **{
        "incl.": "including",
        "excl.": "excluding",
        "w/o": "without",
        "w/out": "without",
        "vs": "versus",
        "iOS": "i O S",
        "c/o": "care of",
        "b/c": "because",
        "n/a": "N A",
        "N/A": "N A",
        "A/C": "A C",
        "a/c": "A C",
        "viz.": "namely",
        "YoY": "year over year",
        "QoQ": "quarter over quarter",
        "MoM": "month over month",
        "WWI": "World War One",
        "WWII": "World War Two",
        "WW1": "World War One",
        "WW2": "World War Two",
        "Acct.": "account",
        "acct.": "account",
        "qty.": "quantity",
        "sq.": "square",
        "esp.": "especially",
        "misc.": "miscellaneous",
        "apt.": "apartment",
        "gov't": "government",
        "int'l": "international",
        "Assn.": "Association",
        "Univ.": "University",
        "NaCl": "N A C L",
        "NaOH": "N A O H",
        "HCl": "H C L",
        "pH": "P H",
        "mRNA": "M R N A",
        "IPv4": "I P V four",
        "IPv6": "I P V six",
    },
}
"""Anywhere, also with a capital at the beginning."""

ENDING = frozenset({"etc.", "et al.", "a.m.", "p.m.", "Ph.D."})
"""Abbreviations whose dot ends the sentence where a capital follows."""

PER = {
    **{"person": "person", "month": "month", "mo": "month", "year": "year", "yr": "year", "week": "week", "wk": "week"},
    **{"day": "day", "hour": "hour", "hr": "hour", "h": "hour", "minute": "minute", "min": "minute", "s": "second"},
    **{
        "second": "second",
        "night": "night",
        "unit": "unit",
        "gal": "gallon",
        "gallon": "gallon",
        "oz": "ounce",
        "ton": "ton",
        "share": "share",
        "acre": "acre",
        "serving": "serving",
        "trip": "trip",
        "seat": "seat",
        "kg": "kilogram",
        "lb": "pound",
        "km": "kilometer",
    },
    **{"l": "liter", "g": "gram", "ml": "milliliter", "mL": "milliliter", "t": "ton", "ft": "foot", "yd": "yard"},
    **{"L": "liter", "GB": "gigabyte", "kWh": "kilowatt hour", "mile": "mile", "sq ft": "square foot", "m": "meter"},
    **{"head": "head", "student": "student", "user": "user", "user/month": "user per month", "piece": "piece"},
    **{
        "m²": "square meter",
        "session": "session",
        "game": "game",
        "class": "class",
        "item": "item",
        "hectare": "hectare",
    },
}
"""After a number and a slash."""

SPELLED = frozenset(
    listed("""
    ABC AI AM API ATM BA BBC CD CDC CEO CFO CIA CIO COO CPU CSS CSV CTO DIY DNA DNS DVD EEG EKG ETA EU FAQ FBI
    FDA FM FYI GDP GMT GPA GPS GPU HDMI HIV HQ HTML HTTP HTTPS IBM ICU ID IDE IEEE IMF IO IOS IP IPO IQ ISBN ISO ISP IT
    IPA JPG KPI LCD LED LLM MA MBA MIT MLX MRI MVP NBA NFL NGO NHL NPC NSA NYC OCR OK OS PC PDF PHP PM PNG PR QA
    RGB RNA RSS SDK SEO SMS SOS SQL SSD SSH SSL SUV TCP TLS TTS TV UAE UDP UFO UI UK UN UPS URL US USA USB UTC UV UX VAT
    VIP VPN WHO WWW XML YMCA AD BCE CE EST EDT ET CET CEST IMG OTP ISBN AWS ACL ADHD AKA APR DIN DOI FAA GUI HBO HOA IEC
    IPA IRA IRS NIH OEM POV QED RAF ROI SUV UAV UFC UHD VOD UCLA USC AOL AC DC EP OECD ESPN IBAN AED
    OT FY ATV CDO CMO COB CPA DOB DOE DOJ EOD EPA ERP ETF EUV GOP HOV IDF IEP ILO IOU IUD JFK LGA
    LGBT MOU MSG NDA NIMH OBGYN OLED POC QA RPI TBA TNT TOS UBI UID URI USDA USPS VA VOIP
    """)
)
"""Acronyms said letter by letter though they have vowels, and the commonest of those without. The rest are words."""

SHOUTED = frozenset({"AI", "AM", "BA", "ID", "IO", "IT", "MA", "OK", "PM", "UPS", "US", "WHO"})
"""Of these the ones that are also words: left alone beside another word in capitals."""

NOT_SPELLED = frozenset({"BRR", "GRR", "HMM", "MM", "MMM", "MR", "MRS", "MS", "DR", "PFFT", "PSST", "SHH", "ST", "TSK"})
"""Words in capitals without vowels that are no acronyms."""

ROYAL = frozenset(
    listed("""
    Alexander Alfonso Benedict Catherine Charles Christian Clement Edward Elizabeth Ferdinand Francis Frederick George
    Gregory Gustav Henry Innocent Ivan James John Juan Carlos Leo Leopold Louis Mary Mehmed Napoleon Nicholas Otto Paul
    Peter Philip Pius Ramses Richard Stephen Urban Victor Wilhelm William
    """)
)
"""Names of rulers and popes, whose Roman numeral is an ordinal."""

NUMBERED = frozenset(
    listed("""
    Act Appendix Article Book Bowl Chapter Class Episode Fantasy Figure Grade Group Lesson Level Mark Mode Part
    Phase Scene Section Stage Table Tier Title Type Unit Vol Volume War Rocky Apollo Vatican Saturn Gemini Wars Quest
    Division Category Factor Amendment Schedule Exhibit Annex Halo Civilization Auto
    """)
)
"""Words whose Roman numeral is a plain number."""

SIGNS = {
    **{"&": "and", "+": "plus", "=": "equals", "×": "times", "÷": "divided by", "±": "plus or minus", "−": "minus"},
    **{"≈": "is about", "≠": "is not equal to", "≤": "is at most", "≥": "is at least", "√": "the square root of"},
    **{"∞": "infinity", "%": "percent", "‰": "per mille", "°": "degrees", "§": "section", "@": "at"},
    **{"©": "copyright", "®": "registered", "™": "trademark", "№": "number", "$": "dollar", "€": "euro"},
    **{"£": "pound", "¥": "yuan", "²": "squared", "³": "cubed", "½": "one half", "¼": "one quarter"},
    **{"¾": "three quarters", "⅓": "one third", "⅔": "two thirds", "→": "to", "℃": "degrees Celsius"},
    **{
        "℉": "degrees Fahrenheit",
        "₩": "won",
        "₹": "rupee",
        "¢": "cents",
        "↑": "up",
        "↓": "down",
        "∑": "the sum of",
    },
    **{"⅛": "one eighth", "⅜": "three eighths", "⅝": "five eighths", "⅞": "seven eighths", "₿": "bitcoin"},
    **{"⅕": "one fifth", "⅖": "two fifths", "⅗": "three fifths", "⅘": "four fifths", "⅙": "one sixth"},
    **{"⅚": "five sixths"},
}
"""What a sign is called where no rule needed it."""

FRACTION_SIGNS = {
    **{"½": "a half", "¼": "a quarter", "¾": "three quarters", "⅓": "a third", "⅔": "two thirds"},
    **{"⅛": "an eighth", "⅜": "three eighths", "⅝": "five eighths", "⅞": "seven eighths", "⅕": "a fifth"},
    **{"⅖": "two fifths", "⅗": "three fifths", "⅘": "four fifths", "⅙": "a sixth", "⅚": "five sixths"},
}
"""After a whole number and "and"."""

DOMAINS = listed("ai app cn com co dev edu eu gov info io jp me net org tech tv uk us")
"""Top-level domains that make a dotted word an address even without a path."""

SET_PHRASES = {
    "24/7": "twenty-four seven",
    "24/7/365": "twenty-four seven, three sixty-five",
    "9/11": "nine eleven",
    "50/50": "fifty-fifty",
    "20/20": "twenty twenty",
}

STATES = {
    **{"AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado"},
    **{"CT": "Connecticut", "DE": "Delaware", "FL": "Florida", "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho"},
    **{"IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana"},
    **{"ME": "Maine", "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota"},
    **{"MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada"},
    **{"NH": "New Hampshire", "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York", "NC": "North Carolina"},
    **{"ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania"},
    **{"RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas"},
    **{"UT": "Utah", "VT": "Vermont", "VA": "Virginia", "WA": "Washington", "WV": "West Virginia"},
    **{"WI": "Wisconsin", "WY": "Wyoming", "DC": "D C"},
}
"""After the name of a town."""

SIDES = {
    **{"N": "North", "S": "South", "E": "East", "W": "West", "NE": "Northeast", "NW": "Northwest"},
    **{"SE": "Southeast", "SW": "Southwest"},
}
"""Before the name of a street."""
