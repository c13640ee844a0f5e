#include "linking/trigrams.hpp"

#include <cmath>

namespace scout::linking {

namespace {

// Calls `visit` with each element of a text[].
template <typename Visit>
size_t each_trigram(Datum trigrams, Visit visit) {
    ArrayType *array = DatumGetArrayTypeP(trigrams);
    Datum *elements;
    int count;
    deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, nullptr, &count);
    for (int i = 0; i < count; i++) {
        struct varlena *t = PG_DETOAST_DATUM_PACKED(elements[i]);
        Trigram packed = 0;
        std::memcpy(&packed, VARDATA_ANY(t), std::min<size_t>(VARSIZE_ANY_EXHDR(t), sizeof packed));
        visit(packed);
    }
    pfree(elements);
    return static_cast<size_t>(count);
}

// How many are in both, as soon as it is known to be less than `needed` any smaller number.
size_t shared(const uint32 *a, const uint32 *a_end, const uint32 *b, const uint32 *b_end, size_t needed) {
    size_t n = 0;
    while (a < a_end && b < b_end) {
        if (n + static_cast<size_t>(std::min(a_end - a, b_end - b)) < needed) return n;
        if (*a == *b) n++;
        const bool next_a = *a <= *b, next_b = *b <= *a;
        a += next_a;
        b += next_b;
    }
    return n;
}

// Of a number that may be a whole one but for its last bits.
size_t at_least(double number) {
    return static_cast<size_t>(std::max(std::ceil(number - 1e-4), 1.0));
}

// How many of the rarest of `count` trigrams one must share to be that similar.
size_t prefix(size_t count, double similarity) {
    return count - std::min(at_least(similarity * static_cast<double>(count)), count) + 1;
}

}  // namespace

void Catalogue::add(int64 key, std::string_view brand, Datum trigrams) {
    const size_t first = trigrams_.size();
    const size_t count = each_trigram(trigrams, [this](Trigram t) { trigrams_.push(t); });
    if (count == 0) return;
    if (trigrams_.size() > PG_UINT32_MAX)
        ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                errmsg("the catalogue has too many products"));
    products_.push({key, pg::keep(brand), static_cast<uint32>(first), static_cast<uint32>(count)});
}

void Catalogue::build(float similarity) {
    similarity_ = similarity;
    std::copy(trigrams_.begin(), trigrams_.end(), dictionary_.extend(trigrams_.size()));
    std::sort(dictionary_.begin(), dictionary_.end());
    CHECK_FOR_INTERRUPTS();
    // Distinct trigrams, and how many products have each.
    pg::Array<uint32> counts, by_count;
    size_t n = 0;
    for (size_t i = 0; i < dictionary_.size(); i++) {
        if (n > 0 && dictionary_[n - 1] == dictionary_[i]) {
            counts[n - 1]++;
            continue;
        }
        dictionary_[n++] = dictionary_[i];
        counts.push(1);
        by_count.push(static_cast<uint32>(n - 1));
    }
    dictionary_.truncate(n);
    std::sort(by_count.begin(), by_count.end(), [&counts](uint32 a, uint32 b) {
        return counts[a] != counts[b] ? counts[a] < counts[b] : a < b;
    });
    (void)rank_.extend(n);
    for (size_t r = 0; r < n; r++) rank_[by_count[r]] = static_cast<uint32>(r);
    CHECK_FOR_INTERRUPTS();

    (void)sets_.extend(trigrams_.size());
    for (size_t i = 0; i < trigrams_.size(); i++)
        sets_[i] = rank_[static_cast<size_t>(
            std::lower_bound(dictionary_.begin(), dictionary_.end(), trigrams_[i]) - dictionary_.begin())];
    std::fill_n(starts_.extend(n + 1), n + 1, 0);
    size_t entries = 0;
    for (const Product &p : products_) {
        std::sort(sets_.begin() + p.first, sets_.begin() + p.first + p.count);
        for (size_t i = 0; i < prefix(p.count, similarity); i++, entries++) starts_[sets_[p.first + i] + 1]++;
    }
    for (size_t r = 0; r < n; r++) starts_[r + 1] += starts_[r];
    (void)postings_.extend(entries);
    pg::Array<uint32> next;
    std::copy(starts_.begin(), starts_.end(), next.extend(n + 1));
    for (size_t p = 0; p < products_.size(); p++)
        for (size_t i = 0; i < prefix(products_[p].count, similarity); i++)
            postings_[next[sets_[products_[p].first + i]]++] = {static_cast<uint32>(p),
                                                                static_cast<uint32>(i)};
    std::fill_n(seen_.extend(products_.size()), products_.size(), 0);
}

bool Catalogue::find(std::string_view brand, Datum trigrams, Similar &best) {
    // Trigrams that no product has are the rarest: they take their part of the prefix and lead nowhere.
    known_.truncate(0);
    const size_t count = each_trigram(trigrams, [this](Trigram t) {
        const Trigram *at = std::lower_bound(dictionary_.begin(), dictionary_.end(), t);
        if (at != dictionary_.end() && *at == t)
            known_.push(rank_[static_cast<size_t>(at - dictionary_.begin())]);
    });
    if (count == 0) return false;
    std::sort(known_.begin(), known_.end());
    const size_t unknown = count - known_.size();
    search_++;
    double least = static_cast<double>(similarity_);  // what would still be better, or as good
    bool found = false, branded = false;
    for (size_t i = 0; i < known_.size() && unknown + i < prefix(count, least); i++) {
        CHECK_FOR_INTERRUPTS();
        for (uint32 at = starts_[known_[i]]; at < starts_[known_[i] + 1]; at++) {
            const Posting posting = postings_[at];
            if (seen_[posting.product] == search_) continue;
            seen_[posting.product] = search_;
            const Product &p = products_[posting.product];
            // This is the first trigram that both have: what comes before it in either set is not shared.
            const size_t needed = at_least(least / (1 + least) * static_cast<double>(count + p.count)),
                         possible = std::min<size_t>(known_.size() - i, p.count - posting.position);
            if (possible < needed) continue;
            const bool same_brand = !brand.empty() && brand == p.brand;
            if (!brand.empty() && !p.brand.empty() && !same_brand) continue;
            const uint32 *set = sets_.begin() + p.first;
            const size_t both =
                shared(known_.begin() + i, known_.end(), set + posting.position, set + p.count, needed);
            if (both < needed) continue;
            const float similarity =
                static_cast<float>(both) / static_cast<float>(count + p.count - both);  // as pg_trgm has it
            if (similarity < similarity_) continue;
            const bool better = !found || similarity > best.similarity ||
                                (similarity == best.similarity &&
                                 (same_brand != branded ? same_brand : posting.product < best.product));
            if (!better) continue;
            best = {posting.product, similarity};
            found = true;
            branded = same_brand;
            least = static_cast<double>(similarity);
        }
    }
    return found;
}

}  // namespace scout::linking
