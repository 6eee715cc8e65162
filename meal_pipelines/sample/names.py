"""Invented people's names: common ones of Morocco, of West and Central Africa, and of the diaspora in France.

Combined at random, they name nobody. None is shorter than four letters, part of a common French word or part of the
name of a commune, so that a search for leaks finds only leaks.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """First names by sex (F, H) and family names of one origin."""

    women: tuple[str, ...]
    men: tuple[str, ...]
    families: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    """Names apart by spaces; `_` stands for the space inside a name."""
    return tuple(word.replace("_", " ") for word in text.split())


MOROCCAN = Names(
    _words(
        "Fatima-Zahra Khadija Hajar-Lina Ikram Soukaïna Meryem Asmaâ Nezha Loubna Ilham Kaoutar Btissam Chaïmaâ "
        "Oumaïma Hasnaâ Rachida Jamila Samira Karima Bouchra Wafaâ Hanane Rajaâ Yousra Fadwa Siham Nawal Rabab "
        "Dounia Manal Ibtihal Widad Safaâ Najwa"
    ),
    _words(
        "Mustapha Abderrahim Noureddine Hicham Jaouad Ayoub Zakaria Ilyass Abdelilah Tarik Soufiane Younès Mounir "
        "Ismaïl Yassine Abdelali Houcine Abdelouahed Marouane Badreddine Jalal Fouad Nizar Adil-Amine Reda-Ilias "
        "Chakib Abdessamad Oussama Anass Walid Ilias Karim Jamal"
    ),
    _words(
        "El_Idrissi-Naji Benali El_Amrani Ouhaddou Berrada Lahlou Tazi_Alaoui Ziani El_Fassi Cherkaoui Haddadi "
        "El_Ouardi Rahmouni Benmoussa Belhaj Oubella Chakir_Naji Bennani Jabrane El_Khattabi Ouazzani Amezian "
        "Bouzidi Hammouti El_Yousfi Mimouni Benhaddou Azzouzi Taghzouti Sebbar El_Guerrab Kaddouri Bourkadi "
        "Zerouali Benchekroun Lamrabet Sqalli Bensouda"
    ),
)
WEST_AFRICAN = Names(
    _words(
        "Aminata Fatoumata Mariama Aïssatou Kadiatou Awa-Binta Ndèye-Fatou Rokhaya Adjoua Akissi Affoué Bintou "
        "Hawa-Kadi Djénéba Assétou Safiatou Nafissatou Ramatoulaye Khady-Sira Yacine-Mame Coumba Solange-Adjo "
        "Amoin-Prisca Ngozi Chiamaka Blessing-Efe Mbombo Bijou-Kapi"
    ),
    _words(
        "Mamadou Ibrahima Ousmane Abdoulaye Boubacar Alpha-Oumar Souleymane Sékou-Amara Cheikh-Tidiane Kouassi "
        "Kouamé Yao-Konan Seydou Amadou Lassana Drissa-Koné Modibo Tiémoko Mbaye-Modou Serigne Koffi-Jean Emeka "
        "Chukwudi Tchinda Ngassa Kabongo Ilunga Thierno Bakary"
    ),
    _words(
        "Diallo Traoré Coulibaly Ouattara Konaté Camara Keïta Sidibé Diabaté Cissokho Ndiaye Gueye Kouyaté "
        "Bangoura Condé_Sylla Soumahoro Kouadio Nguessan Ouédraogo Sawadogo Compaoré Fofana Doumbia Dembélé "
        "Sissoko Okonkwo Adeyemi Mbarga Nkoulou Tshibangu Mukendi Barry-Baldé"
    ),
)
DIASPORA = Names(
    _words(
        "Nadia-Claire Leïla-Inès Yasmina-Lou Samia-Rose Myriam-Anne Sonia-Nour Dounia-Jeanne Soraya Kenza-Louise "
        "Nora-Élise Hind-Camille Selma-Juliette"
    ),
    _words(
        "Karim-Louis Nabil-Paul Sofiane-Éric Réda-Alain Malik-André Adel-Simon Ismaël-Luc Nassim-Yves Walid-Marc "
        "Samy-Jules Rayane-Hugo Fouad-Jean"
    ),
    _words(
        "Benhamou-Laurent Bouali-Perrin Chaoui-Gautier Elkaïm-Roussel Haddouche Larbaoui Meziane-Faure "
        "Nacer-Dubois Ouali-Giraud Saïdi-Lemaire"
    ),
)
ARABIC = Names(
    _words(
        "فاطمة_الزهراء خديجة إكرام سكينة أسماء نزهة لبنى حنان رشيدة لطيفة جميلة سميرة كريمة بشرى وفاء إلهام كوثر "
        "ابتسام شيماء"
    ),
    _words("عبدالرحيم نورالدين هشام جواد أيوب زكرياء إلياس طارق سفيان يونس منير ياسين عبدالإله مروان عبدالحق نبيل"),
    _words(
        "الإدريسي_ناجي بنعلي العمراني أوحدو برادة لحلو الفاسي الشرقاوي الحدادي الوردي الرحموني بنموسى أوبلا بناني "
        "الخطابي الوزاني أزوزي بنسودة"
    ),
)
ORIGINS = {"ma": MOROCCAN, "west_africa": WEST_AFRICAN, "diaspora": DIASPORA, "arabic": ARABIC}
