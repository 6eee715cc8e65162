"""Other writings of the invented names: usual transliterations, and the same name in Arabic letters.

One line per name: as `names.py` has it; its other Latin writings; its Arabic writing (none for names that offices do not
write in Arabic). They are what registers hold, whatever `protect/persons/normalise.py` makes of them: the noise must not be cut to the
measure of what removes it. `_` stands for the space inside a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Writings:
    """How else one name is written. arabic: None when it is not."""

    latin: tuple[str, ...]
    arabic: str | None


TABLE = """
Fatima-Zahra; Fatima_Ezzahra Fatim-Zahra Fatema-Zohra Fatimazahra; فاطمة_الزهراء
Khadija; Khadidja Khadijah Kadija; خديجة
Hajar-Lina; Hajar_Lina Hajjar-Lina Hagar-Lina; هاجر_لينا
Ikram; Ikrame Ikraam Ekram; إكرام
Soukaïna; Soukayna Sukaina Sokaina Soukeina; سكينة
Meryem; Meriem Maryam Mariem Miryem; مريم
Asmaâ; Asma Asmae Asmaa Assmaa; أسماء
Nezha; Nozha Nazha Nezhah; نزهة
Loubna; Lobna Lubna Loubnah; لبنى
Ilham; Ilhame Elham Ilhaam; إلهام
Kaoutar; Kawtar Kaouthar Kawthar Kaoutare; كوثر
Btissam; Ibtissam Ibtisam Btissame Ibtissame; ابتسام
Chaïmaâ; Chaimae Chaima Shaima Cheima; شيماء
Oumaïma; Oumayma Omaima Umaima; أميمة
Hasnaâ; Hasna Hasnae Hassna; حسناء
Rachida; Rashida Rachidah Rachyda; رشيدة
Jamila; Djamila Jamilah Jameela; جميلة
Samira; Samirah Sameera Samyra; سميرة
Karima; Karimah Kareema Karyma; كريمة
Bouchra; Bushra Bouchera Boshra; بشرى
Wafaâ; Wafae Ouafae Wafa Ouafa; وفاء
Hanane; Hanan Hanène Hannane; حنان
Rajaâ; Raja Rajae Rajaa Radja; رجاء
Yousra; Youssra Yosra Yusra Ioussra; يسرى
Fadwa; Fadoua Fedwa Fadwah; فدوى
Siham; Sihame Siheme Seham; سهام
Nawal; Naoual Nawel Naouel; نوال
Rabab; Rabeb Rababe; رباب
Dounia; Donia Dounya Dunia; دنيا
Manal; Manale Menal Manel; منال
Ibtihal; Ibtihale Btihal Ebtihal; ابتهال
Widad; Ouidad Wided Ouided Widade; وداد
Safaâ; Safae Safa Saffa; صفاء
Najwa; Najoua Nejwa Nadjwa; نجوى
Mustapha; Mostafa Mustafa Mostapha Moustafa; مصطفى
Abderrahim; Abd_Errahim Abdelrahim Abderahim Abdrahim; عبد_الرحيم
Noureddine; Nouredine Nour-Eddine Noureddin Nordine; نور_الدين
Hicham; Hisham Icham Hichame; هشام
Jaouad; Jawad Jaouade Jawade; جواد
Ayoub; Ayyoub Ayub Ayoube; أيوب
Zakaria; Zakariya Zakariae Zakarya Zakaryae; زكرياء
Ilyass; Ilyas Ilias Elyas Ilyasse; إلياس
Abdelilah; Abdel_Ilah Abdelillah Abdlilah; عبد_الإله
Tarik; Tariq Tarek Tareq; طارق
Soufiane; Sofiane Sufian Soufian Sofyan; سفيان
Younès; Youness Younes Yunus Younesse; يونس
Mounir; Monir Munir Mouneer; منير
Ismaïl; Ismail Smail Ismael Ismaël; إسماعيل
Yassine; Yacine Yassin Yasine; ياسين
Abdelali; Abdel_Ali Abdelaali Abdulali; عبد_العالي
Houcine; Houssine Hussein Lhoussine Hocine; الحسين
Abdelouahed; Abdelwahed Abdelouahid Abdel_Wahed; عبد_الواحد
Marouane; Marwane Marwan Merouane; مروان
Badreddine; Badr-Eddine Badredine Badr_Dine; بدر_الدين
Jalal; Djalal Jalale Jelal; جلال
Fouad; Fouade Fuad Foued; فؤاد
Nizar; Nizare Nezar Nisar; نزار
Adil-Amine; Adil_Amine Adile-Amin Adel-Amine; عادل_أمين
Reda-Ilias; Réda-Ilias Rida-Ilyas Reda_Elias; رضا_إلياس
Chakib; Shakib Chakibe Chekib; شكيب
Abdessamad; Abd_Essamad Abdelsamad Abdesamad; عبد_الصمد
Oussama; Ousama Osama Usama; أسامة
Anass; Anas Anasse Aness; أنس
Walid; Oualid Waleed Walide; وليد
Ilias; Ilyas Elias Iliasse; إلياس
Karim; Karime Kareem Krim; كريم
Jamal; Djamal Jamale Gamal; جمال
El_Idrissi-Naji; Idrissi-Naji El-Idrissi_Naji Elidrissi_Naji El_Idrisi-Naji; الإدريسي_ناجي
Benali; Ben_Ali Ben-Ali Bin_Ali Benaali; بنعلي
El_Amrani; Elamrani Amrani Al_Amrani L'amrani; العمراني
Ouhaddou; Ouhadou Uhaddu Ouhaddu; أوحدو
Berrada; Berada Barrada Berradah; برادة
Lahlou; Lahlo Lehlou Lahlu; لحلو
Tazi_Alaoui; Tazi-Alaoui Tazi_Alawi Tazi_El_Alaoui; التازي_العلوي
Ziani; Ziyani Zyani El_Ziani; الزياني
El_Fassi; Elfassi Fassi Al_Fasi El_Fasi; الفاسي
Cherkaoui; Charkaoui Cherkawi Sharkawi El_Cherkaoui; الشرقاوي
Haddadi; Hadadi El_Haddadi Hadaddi; الحدادي
El_Ouardi; Elouardi Ouardi El_Wardi Al_Ouardi; الوردي
Rahmouni; Rahmuni Er-Rahmouni Rahmouny; الرحموني
Benmoussa; Ben_Moussa Ben_Musa Benmusa; بنموسى
Belhaj; Belhadj Bel_Haj Ben_Lhaj; بلحاج
Oubella; Oubela Ubella Oubellah; أوبلا
Chakir_Naji; Chakir-Naji Shakir_Naji Chaker_Naji; شاكر_ناجي
Bennani; Benani Bennany Benanni; بناني
Jabrane; Jebrane Jabran Djabrane; جبران
El_Khattabi; Elkhattabi Khattabi Al_Khatabi El_Khatabi; الخطابي
Ouazzani; Wazzani El_Ouazzani Ouazani Wazani; الوزاني
Amezian; Ameziane Amziane Amezyan; أمزيان
Bouzidi; Bouzidy Buzidi Bou_Zidi; بوزيدي
Hammouti; Hamouti El_Hammouti Hammuti; الحموتي
El_Yousfi; Elyousfi Yousfi El_Youssfi Al_Yusufi; اليوسفي
Mimouni; Mimuni Maimouni Mimouny; ميموني
Benhaddou; Ben_Haddou Benhadou Benhaddu; بنحدو
Azzouzi; Azouzi El_Azzouzi Azzuzi; العزوزي
Taghzouti; Taghzuti Taghezouti Tarzouti; تاغزوتي
Sebbar; Sebar Essebbar Sabbar; الصبار
El_Guerrab; Elguerrab Guerrab El_Gerrab; الكراب
Kaddouri; Kadouri Qaddouri El_Kaddouri; القدوري
Bourkadi; Bourkady Burkadi Bou_Rkadi; بورقادي
Zerouali; Zeroualy Zarwali Ezzerouali; الزروالي
Benchekroun; Ben_Chekroun Bencheqroun Benchakroun; بنشقرون
Lamrabet; El_Mrabet Lamrabit L'mrabet; لمرابط
Sqalli; Skalli Squalli Skali; الصقلي
Bensouda; Ben_Souda Bensoda Bensuda; بنسودة
Aminata; Aminatta Amineta Aminatou; أميناتا
Fatoumata; Fatimata Fatumata Fatoumatta; فاتوماتا
Mariama; Maryama Mariamah Marieme; مريمة
Aïssatou; Aissatou Aisatou Aissata Aysatu; عيساتو
Kadiatou; Kadiatu Kadidiatou Kadijatou;
Awa-Binta; Awa_Binta Hawa-Binta Aoua-Binta;
Ndèye-Fatou; Ndeye_Fatou N'deye-Fatou Ndey-Fatou;
Rokhaya; Rokaya Rokhayatou Roqaya;
Adjoua; Ajoua Adjwa;
Akissi; Akisi Akissy;
Affoué; Afoué Affoue;
Bintou; Bintu Binetou Bintta;
Hawa-Kadi; Hawa_Kadi Awa-Kadi Haoua-Kadi;
Djénéba; Djeneba Jeneba Dieneba;
Assétou; Assetou Asseto Assitou;
Safiatou; Safiatu Safietou Saphiatou;
Nafissatou; Nafisatou Nafissatu Nafi_Satou;
Ramatoulaye; Ramatulaye Rahmatoulaye Ramatoulay;
Khady-Sira; Khadi-Sira Khady_Sira Kady-Sira;
Yacine-Mame; Yacine_Mame Yassine-Mame;
Coumba; Kumba Koumba Cumba;
Solange-Adjo; Solange_Adjo Solanje-Adjo;
Amoin-Prisca; Amoin_Prisca Amoin-Priska;
Ngozi; N'gozi Ngosi;
Chiamaka; Chiamaca Ciamaka;
Blessing-Efe; Blessing_Efe Blesing-Efe;
Mbombo; M'bombo Mbonbo;
Bijou-Kapi; Bijou_Kapi Bijoux-Kapi;
Mamadou; Mamadu Mahmadou Mamoudou; مامادو
Ibrahima; Ibrahim Ibrahime Brahima; إبراهيما
Ousmane; Usman Ousman Osmane; عثمان
Abdoulaye; Abdoulaï Abdulaye Abdullaye; عبدولاي
Boubacar; Boubakar Bubacar Aboubacar; بوبكر
Alpha-Oumar; Alpha_Oumar Alfa-Oumar Alpha-Omar;
Souleymane; Suleiman Souleiman Soulaymane Sulayman; سليمان
Sékou-Amara; Sekou_Amara Seku-Amara;
Cheikh-Tidiane; Cheikh_Tidiane Cheick-Tidiane Sheikh-Tidjane;
Kouassi; Kwassi Kouasi Kouassy;
Kouamé; Kouame Kwame Kuame;
Yao-Konan; Yao_Konan Yaho-Konan;
Seydou; Saidou Seidou Seydu; سيدو
Amadou; Ahmadou Amadu Hamadou; أمادو
Lassana; Lansana Lassanna Lasana;
Drissa-Koné; Drissa_Kone Idrissa-Koné Drisa-Koné;
Modibo; Modibbo Modybo;
Tiémoko; Tiemoko Tchemoko;
Mbaye-Modou; Mbaye_Modou M'baye-Modou Mbay-Modou;
Serigne; Sérigne Serine Seringe;
Koffi-Jean; Koffi_Jean Kofi-Jean;
Emeka; Emmeka Emecka;
Chukwudi; Chukudi Tchukwudi;
Tchinda; Chinda Tshinda;
Ngassa; N'gassa Ngasa;
Kabongo; Kabungo Cabongo;
Ilunga; Illunga Ilounga;
Thierno; Tierno Cerno Thiérno;
Bakary; Bakari Bacary Bakarie; بكاري
Diallo; Jallow Dialo Diallow; ديالو
Traoré; Traore Traoure Trawally; تراوري
Coulibaly; Kulibali Coulibali Koulibaly; كوليبالي
Ouattara; Watara Wattara Ouatara; واتارا
Konaté; Konate Konateh Conaté; كوناتي
Camara; Kamara Camarra; كامارا
Keïta; Keita Kéita Keyta; كيتا
Sidibé; Sidibe Sidibeh Sydibé; سيديبي
Diabaté; Diabate Jabateh Djabaté; ديباتي
Cissokho; Sissokho Cissoko Cissokhou; سيسوخو
Ndiaye; N'diaye Njie Ndiaÿe; ندياي
Gueye; Guèye Gaye Guéye; غي
Kouyaté; Kouyate Kuyateh Couyaté;
Bangoura; Bangura Bangora;
Condé_Sylla; Conde_Sylla Kondé_Sylla Condé_Silla;
Soumahoro; Sumahoro Soumaoro;
Kouadio; Kwadio Kouadjo;
Nguessan; N'guessan Nguesan;
Ouédraogo; Ouedraogo Wedraogo Ouédrago;
Sawadogo; Savadogo Sawadago;
Compaoré; Compaore Kompaoré;
Fofana; Fofanah Foffana;
Doumbia; Dumbia Doumbya;
Dembélé; Dembele Dembelé Dambélé;
Sissoko; Cissoko Sisoko;
Okonkwo; Okonko Okonquo;
Adeyemi; Adeyémi Adyemi;
Mbarga; M'barga Mbargua;
Nkoulou; N'koulou Nkulu;
Tshibangu; Tshibangou Chibangu;
Mukendi; Moukendi Mukendy;
Barry-Baldé; Barry_Balde Bari-Baldé Barry_Baldeh;
"""


@cache
def other_writings() -> dict[str, Writings]:
    """By name as `names.py` has it."""
    found = {}
    for line in TABLE.strip().splitlines():
        name, latin, arabic = (part.strip() for part in line.split(";"))
        others = tuple(word.replace("_", " ") for word in latin.split())
        found[name.replace("_", " ")] = Writings(others, arabic.replace("_", " ") or None)
    return found
