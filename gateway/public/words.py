"""What the unsubscribe pages say, in Greek and English."""

from __future__ import annotations

LANGUAGES = ("el", "en")

WORDS: dict[str, dict[str, str]] = {
    "el": {
        "title": "Μηνύματα SMS",
        "other": "English",
        "your_number": "που είχε λάβει αυτό το μήνυμα",
        "sender": "Ο αποστολέας του μηνύματος",
        "open": "{account} στέλνει μηνύματα στον αριθμό {number}.",
        "ask": "Θέλετε να μη λαμβάνετε άλλα;",
        "stop": "Να μη λαμβάνω άλλα μηνύματα",
        "done": "Έγινε. Ο αριθμός {number} δεν θα λαμβάνει άλλα μηνύματα από: {account}.",
        "pending": "Το αίτημά σας για τον αριθμό {number} στάλθηκε. Αποδέκτης: {account}.",
        "undo": "Άλλαξα γνώμη",
        "undone": "Η διαγραφή αναιρέθηκε: ο αριθμός {number} θα λαμβάνει ξανά μηνύματα από: {account}.",
        "too_late": "Η διαγραφή δεν μπορεί πια να αναιρεθεί από εδώ.",
        "unknown": "Ο σύνδεσμος δεν ισχύει ή έχει λήξει. Ελέγξτε ότι τον ανοίξατε ολόκληρο, όπως γράφεται στο μήνυμα.",
        "too_many": "Πολλά αιτήματα μαζί. Δοκιμάστε ξανά σε ένα λεπτό.",
        "later": "Κάτι δεν πήγε καλά και το αίτημά σας δεν καταγράφηκε. Δοκιμάστε ξανά σε λίγο.",
    },
    "en": {
        "title": "SMS messages",
        "other": "Ελληνικά",
        "your_number": "that got this message",
        "sender": "The sender of the message",
        "open": "{account} sends messages to the number {number}.",
        "ask": "Would you rather get no more of them?",
        "stop": "Send me no more messages",
        "done": "Done. The number {number} will get no more messages from: {account}.",
        "pending": "Your request for the number {number} was passed on to: {account}.",
        "undo": "I changed my mind",
        "undone": "Taken back: the number {number} will get messages again from: {account}.",
        "too_late": "This cannot be taken back here any more.",
        "unknown": "This link is not valid or has expired. Check that you opened all of it, as it stands in the message.",
        "too_many": "Too many requests at once. Please try again in a minute.",
        "later": "Something went wrong and your request was not recorded. Please try again in a little while.",
    },
}
